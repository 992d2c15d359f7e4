# what: NVIDIA's archive was entered by hand, and apt never got its key
# breakage: apt-no-pubkey-cuda-repo
# machine: ubuntu-24.04-rtx-4090
# quick: yes
# undo: yes
echo "deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/ /" > /etc/apt/sources.list.d/cuda.list
apt-get -q update || true
