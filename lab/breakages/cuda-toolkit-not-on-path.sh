# what: a toolkit is installed, and the shell does not lead to its compiler
# breakage: cuda-toolkit-not-on-path
# machine: ubuntu-24.04-rtx-4090
# asked: nvcc --version
# hands: a shell's variables can be set only in that shell or in its start-up file
dpkg -i /.lab/archives/developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/cuda-keyring_1.1-1_all.deb
apt-get -q update; apt-get -q -y --no-install-recommends install cuda-toolkit-12-8
