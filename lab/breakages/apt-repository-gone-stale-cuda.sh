# what: a guide's CUDA archive for a release of the system that NVIDIA no longer serves
# breakage: apt-repository-gone
# machine: ubuntu-22.04-rtx-4090
# asked: sudo apt-get update
cp /.lab/archives/keys/nvidia.gpg /etc/apt/trusted.gpg.d/cuda.gpg
echo 'deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu1604/x86_64/ /' > /etc/apt/sources.list.d/cuda.list
