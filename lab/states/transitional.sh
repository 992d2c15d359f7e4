# what: the 24.04 release's driver 535, which an upgrade turns into 580
# platforms: ubuntu-24.04
# machine: ubuntu-24.04-two-generations
# check: apt-get -s dist-upgrade
# says: Inst nvidia-driver-580 (580.178.04
# says: Inst nvidia-driver-535 [535.171.04-0ubuntu2]
# exits: 0
# reboot: yes
mv /etc/apt/sources.list.d/ubuntu.list /.lab/ubuntu.list
echo 'deb http://archive.ubuntu.com/ubuntu noble main restricted universe multiverse' > /etc/apt/sources.list.d/ubuntu.list
apt-get -q update; apt-get -q -y --no-install-recommends install nvidia-driver-535
mv /.lab/ubuntu.list /etc/apt/sources.list.d/ubuntu.list; apt-get -q update
