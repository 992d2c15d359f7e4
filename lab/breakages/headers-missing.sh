# what: the headers of the running kernel are not installed, so DKMS never built the module
# breakage: headers-missing-after-kernel-upgrade
# machine: ubuntu-22.04-gtx-1080
# reboot: yes
# simulated: dkms, and loading the module
apt-get -q -y --no-install-recommends install nvidia-driver-580
dkms remove nvidia/$(ls /var/lib/dkms/nvidia | head -n 1) --all
apt-get -q -y purge 'linux-headers-*'
apt-get -q -y --no-install-recommends install nvidia-dkms-580 || true
