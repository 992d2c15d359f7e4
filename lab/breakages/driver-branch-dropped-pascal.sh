# what: a branch that no longer has the card
# breakage: driver-branch-dropped-pascal
# machine: ubuntu-22.04-gtx-1080
# reboot: yes
apt-get -q -y --no-install-recommends install nvidia-driver-595 linux-modules-nvidia-595-generic
