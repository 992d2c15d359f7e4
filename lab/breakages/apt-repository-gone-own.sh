# what: the distribution's own archive has no such suite: the release is no longer served there
# breakage: apt-repository-gone
# machine: ubuntu-24.04-rtx-4090
# asked: sudo apt-get update
# hands: it is the distribution's own archive
echo 'deb http://archive.ubuntu.com/ubuntu lunar main' > /etc/apt/sources.list.d/old-release.list
