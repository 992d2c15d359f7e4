# what: the open kernel modules, on a card that is too old for them
# breakage: open-module-on-old-gpu
# machine: ubuntu-22.04-gtx-1080
# reboot: yes
# simulated: the kernel's log
apt-get -q -y --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic
