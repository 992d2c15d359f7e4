# what: a driver that does not serve the card: 595 on Pascal
# platforms: ubuntu-22.04
# machine: ubuntu-22.04-gtx-1080
# check: nvidia-smi; ls /sys/module
# says: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver
# reboot: yes
apt-get -q -y --no-install-recommends install nvidia-driver-595-open linux-modules-nvidia-595-open-generic
