# what: one driver from Ubuntu's and from NVIDIA's archive
# breakage: apt-driver-origins-mixed
# machine: ubuntu-22.04-rtx-4090
# state: mixed-repositories
apt-get -q update
cd /tmp; apt-get -q download libnvidia-compute-580=580.65.06-0ubuntu1
dpkg --install --force-depends --force-downgrade ./libnvidia-compute-580*.deb
