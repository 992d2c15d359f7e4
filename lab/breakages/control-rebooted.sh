# what: dpkg's log and the boot after an upgrade that ended well
# breakage: none
# machine: ubuntu-24.04-rtx-4090
# state: held
# reboot: yes
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
apt-get -q -y --no-install-recommends install nvidia-driver-595-open linux-modules-nvidia-595-open-generic
