# what: dpkg was interrupted: a package only unpacked, and its journal not merged
# platforms: ubuntu debian pop
# machine: ubuntu-26.04-rtx-5090
# check: apt-get -y install dkms; dpkg -l nvidia-utils-580 | tail -n 1
# says: E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.
# says: iU  nvidia-utils-580
cd /tmp; apt-get -q download nvidia-utils-580
dpkg --unpack --force-depends ./nvidia-utils-580_*.deb
touch /var/lib/dpkg/updates/0000
