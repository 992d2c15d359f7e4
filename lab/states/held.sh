# what: the driver's packages are held
# platforms: ubuntu
# machine: ubuntu-24.04-rtx-4090
# check: apt-get -y install nvidia-driver-595-open
# says: held packages
# exits: 100
# reboot: yes
apt-get -q -y --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic
apt-mark hold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
