# what: NVIDIA's archive twice: once by its keyring package, once by hand without a key
# breakage: apt-signed-by-conflict
# machine: ubuntu-24.04-rtx-4090
# undo: yes
# quick: yes
dpkg -i /.lab/archives/developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/cuda-keyring_1.1-1_all.deb
echo "deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/ /" > /etc/apt/sources.list.d/cuda.list
