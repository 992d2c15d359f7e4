# what: a library was taken away past apt, by dpkg --force-depends
# breakage: apt-broken-dependencies
# machine: ubuntu-24.04-rtx-4090
# state: held
# asked: sudo apt-get -y install nvidia-prime
# beside: nvidia-libraries-without-module
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
dpkg --remove --force-depends libnvidia-decode-580
