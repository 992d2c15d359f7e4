# what: apt knows NVIDIA's key of before 2022 only, added by apt-key
# breakage: apt-no-pubkey-cuda-repo
# machine: ubuntu-22.04-rtx-4090
# asked: sudo apt-get update
# simulated: the old key is one of another owner
apt-key add /.lab/archives/keys/pop.gpg
echo "deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/ /" > /etc/apt/sources.list.d/cuda-ubuntu2204.list
