# what: as the installer leaves it: no driver package, nouveau drives the card
# platforms: ubuntu pop debian
# machine: ubuntu-24.04-rtx-4090
# check: apt-get check && dpkg --audit && ls /sys/module
# says: nouveau
# exits: 0
:
