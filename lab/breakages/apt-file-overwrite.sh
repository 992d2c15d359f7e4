# what: an old package still owns a file that the driver's package brings
# breakage: apt-file-overwrite-conflict
# machine: ubuntu-24.04-rtx-4090
# beside: nvidia-libraries-without-module
mkdir -p /tmp/old/DEBIAN /tmp/old/usr/bin; cd /tmp
printf 'Package: nvidia-utils-390\nVersion: 390.157-0lab1\nArchitecture: amd64\nMaintainer: Lab <lab@example.invalid>\nDescription: brings a file of the driver, and says nothing of it\n' > old/DEBIAN/control
echo x > old/usr/bin/nvidia-smi; dpkg-deb -b old old.deb; dpkg -i old.deb
# On a terminal of its own, as a person's apt has it: only so does it keep what dpkg said. The lab's base switches it off.
if script -qec "apt-get -o Dpkg::Use-Pty=1 -y --no-install-recommends install nvidia-utils-580" /dev/null; then exit 1; fi
