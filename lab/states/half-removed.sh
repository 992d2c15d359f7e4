# what: a DKMS driver removed (not purged) by hand: configuration left, a module left behind, library gone
# platforms: ubuntu
# machine: ubuntu-24.04-two-generations
# check: dpkg -l | grep -E '^rc' ; dkms status; ls /lib/modules/*/updates/dkms
# says: nvidia/580.178.04
# says: nvidia.ko
# reboot: yes
apt-get -q -y --no-install-recommends install nvidia-driver-580
dpkg --remove --force-depends libnvidia-compute-580 nvidia-utils-580 nvidia-driver-580 libnvidia-gl-580 libnvidia-decode-580 libnvidia-encode-580 nvidia-compute-utils-580
