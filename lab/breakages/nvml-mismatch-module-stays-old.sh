# what: the libraries were upgraded, and the module on disk was not
# breakage: nvml-mismatch-module-stays-old
# machine: ubuntu-24.04-rtx-4090
# state: held
# simulated: the loaded module
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
cd /tmp; apt-get -q download libnvidia-compute-595 nvidia-utils-595
dpkg --remove --force-depends libnvidia-compute-580 nvidia-utils-580
dpkg --install --force-depends --force-conflicts ./*.deb
