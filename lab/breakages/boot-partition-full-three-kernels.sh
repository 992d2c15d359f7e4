# what: /boot is a small file system that three kernels fill, so that the newest's initial file system found no room
# breakage: boot-partition-full
# machine: ubuntu-24.04-rtx-4090
# reboot: yes
apt-get -q -y --no-install-recommends install linux-image-6.8.0-31-generic linux-image-6.11.0-29-generic || apt-cache search '^linux-image-[0-9]' 
mkdir /.lab/boot; cp -a /boot/. /.lab/boot
s=$(du -sk /boot | cut -f1); mount -t tmpfs -o size=$((s + 64))k boot /boot; cp -a /.lab/boot/. /boot
