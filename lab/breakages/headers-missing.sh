# what: the running kernel came without its headers, so DKMS never built the module for it
# breakage: headers-missing-after-kernel-upgrade
# machine: ubuntu-22.04-gtx-1080
# reboot: yes
# simulated: dkms, and loading the module
apt-get -q -y --no-install-recommends install nvidia-driver-580
k=$(uname -r)
apt-get -q -y --no-install-recommends purge "linux-headers-$k" linux-headers-generic
rm -rf /var/lib/dkms/nvidia/*/"$k" "/lib/modules/$k/updates/dkms"; depmod "$k"
