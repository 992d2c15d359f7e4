# what: a source asks for a suite that the archive does not have
# breakage: apt-repository-gone
# machine: ubuntu-24.04-rtx-4090
# asked: sudo apt-get update
cp /.lab/archives/keys/ppa.gpg /etc/apt/trusted.gpg.d/graphics-drivers.gpg
echo 'deb https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu/ wily main' > /etc/apt/sources.list.d/graphics-drivers.list
