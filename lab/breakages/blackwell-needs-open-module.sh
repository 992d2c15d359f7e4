# what: the proprietary kernel modules, on a card that works with the open ones only
# breakage: blackwell-needs-open-module
# machine: ubuntu-24.04-rtx-5090
# reboot: yes
# simulated: the kernel's log
apt-get -q -y --no-install-recommends install nvidia-driver-580 linux-modules-nvidia-580-generic-hwe-24.04
