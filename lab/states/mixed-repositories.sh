# what: Ubuntu's driver 580 installed, NVIDIA's repository (without its pin) added: its driver packages conflict
# platforms: ubuntu-22.04
# machine: ubuntu-22.04-rtx-4090
# check: apt-get -s install nvidia-open=580.65.06-0ubuntu1
# says: nvidia-open : Depends:
# says: E: Unable to correct problems, you have held broken packages.
# exits: 100
# reboot: yes
apt-get -q -y --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic-hwe-22.04
apt-get -q -y install /.lab/archives/developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/cuda-keyring_1.1-1_all.deb
rm /etc/apt/preferences.d/cuda-repository-pin-600
apt-get -q update
