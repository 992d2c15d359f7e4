# what: Pop!_OS with its driver, and NVIDIA's repository with its pin 600 beside Pop's pin 1001
# platforms: pop-22.04
# machine: pop-22.04-rtx-3090
# check: apt-cache policy nvidia-driver-595 libnvidia-compute-595
# says: 1001
# says: Installed: 595.45.04-1pop1
# says: Candidate: 595.45.04-1pop1
# reboot: yes
apt-get -q -y install system76-driver-nvidia
apt-get -q -y install /.lab/archives/developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/cuda-keyring_1.1-1_all.deb
apt-get -q update
