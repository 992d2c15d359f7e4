# what: a healthy driver
# breakage: none
# machine: ubuntu-24.04-rtx-4090
# state: held
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
