# what: the line that forbids nouveau is gone, and the initial file system loads it first
# breakage: nouveau-owns-the-gpu
# machine: ubuntu-22.04-gtx-1080
# reboot: yes
# undo: yes
# simulated: the boot
apt-get -q -y --no-install-recommends install nvidia-driver-580
for f in $(grep -l -s nouveau /etc/modprobe.d/*.conf /usr/lib/modprobe.d/*.conf /lib/modprobe.d/*.conf); do sed -i '/nouveau/d' "$f"; done
update-initramfs -u -k all
