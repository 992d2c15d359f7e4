# what: /boot is a small file system that three kernels fill
# breakage: boot-partition-full
# machine: ubuntu-22.04-gtx-1080
# reboot: yes
# simulated: the size of the oldest kernel's initial file system (a real one's, of zeros)
apt-get -q -y --no-install-recommends install linux-image-5.15.0-153-generic linux-image-6.2.0-39-generic
head -c 70M /dev/zero > /boot/initrd.img-5.15.0-153-generic
mkdir /.lab/boot; cp -a /boot/. /.lab/boot; s=$(du -sk /boot | cut -f1); mount -t tmpfs -o size=$((s + 4096))k boot /boot; cp -a /.lab/boot/. /boot; rm -r /.lab/boot
