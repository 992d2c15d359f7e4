# what: the terminal was lost while dpkg worked: a package is only unpacked, and dpkg's journal has an entry
# breakage: dpkg-interrupted
# machine: ubuntu-26.04-rtx-5090
cd /tmp; apt-get -q download nvidia-utils-580 libnvidia-compute-580
dpkg --unpack ./*.deb
touch /var/lib/dpkg/updates/0000
