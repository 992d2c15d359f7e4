# what: the package with the firmware of the driver's version was taken away by dpkg --force
# breakage: gsp-firmware-file-missing
# machine: ubuntu-24.04-rtx-4090
# state: held
# simulated: the kernel's log, and that the GPU does not answer
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
v=$(cat /sys/module/nvidia/version)
apt-get -q -y --no-install-recommends install "nvidia-firmware-580-$v"
dpkg --purge --force-depends "nvidia-firmware-580-$v"
echo "[    4.3] nvidia 0000:01:00.0: Direct firmware load for nvidia/$v/gsp_ga10x.bin failed with error -2" >> /.lab/kernel.log
echo "follow=1" > /.lab/nvml
