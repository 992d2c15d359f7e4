# what: the graphics-drivers PPA and its driver 535
# platforms: ubuntu-22.04
# machine: ubuntu-22.04-rtx-4090
# check: apt-cache policy nvidia-driver-535
# says: ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu
# says: Installed: 535.309.01-0ubuntu0~gpu22.04.1
# reboot: yes
cp /.lab/archives/keys/ppa.gpg /etc/apt/trusted.gpg.d/graphics-drivers-ubuntu-ppa.gpg
echo 'deb https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu/ jammy main' > /etc/apt/sources.list.d/graphics-drivers-ubuntu-ppa-jammy.list
# In its day Ubuntu had no package of that name that leads to 580.
sed -i 's/^deb .*-updates/#&/' /etc/apt/sources.list.d/ubuntu.list
apt-get -q update
apt-get -q -y install nvidia-driver-535=535.309.01-0ubuntu0~gpu22.04.1
sed -i 's/^#deb/deb/' /etc/apt/sources.list.d/ubuntu.list; apt-get -q update
