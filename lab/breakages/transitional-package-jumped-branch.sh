# what: an upgrade turned branch 535 into 580 under the loaded module
# breakage: transitional-package-jumped-branch
# machine: ubuntu-24.04-two-generations
# state: transitional
# simulated: the loaded module
apt-get -q -y --no-install-recommends dist-upgrade
