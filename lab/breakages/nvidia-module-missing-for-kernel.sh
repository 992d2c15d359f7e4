# what: a newer kernel was started, whose ready-made nvidia modules are not installed
# breakage: nvidia-module-missing-for-kernel
# machine: ubuntu-22.04-gtx-1080
# reboot: yes
apt-get -q -y --no-install-recommends install nvidia-driver-580 linux-modules-nvidia-580-generic
if dpkg -l nvidia-dkms-580 2>/dev/null | grep -q ^ii; then apt-get -q -y purge nvidia-dkms-580; fi
apt-get -q -y --no-install-recommends install linux-image-6.8.0-149-generic
