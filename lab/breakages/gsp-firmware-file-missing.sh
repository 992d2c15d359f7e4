# what: the firmware of the driver's own version is not there
# breakage: gsp-firmware-file-missing
# machine: ubuntu-24.04-rtx-4090
# state: held
# simulated: the kernel's log
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
ls -R /lib/firmware/nvidia | head
v=$(cat /sys/module/nvidia/version)
mv "/lib/firmware/nvidia/$v" /lib/firmware/nvidia/570.133.07
echo "[    4.3] nvidia 0000:01:00.0: Direct firmware load for nvidia/$v/gsp_ga10x.bin failed with error -2" >> /.lab/kernel.log
echo "follow=1" > /.lab/nvml
