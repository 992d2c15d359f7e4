# what: dpkg was interrupted: a package only unpacked, and its journal not merged
# platforms: ubuntu debian pop
# machine: ubuntu-26.04-rtx-5090
# check: apt-get -y install dkms; dpkg -l nvidia-utils-580 | tail -n 1
# says: E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.
# says: iU  nvidia-utils-580
p=nvidia-utils-580
if grep -q '^ID="\{0,1\}debian' /etc/os-release; then p=nvidia-smi; fi
cd /tmp; apt-get -q download $p
dpkg --unpack --force-depends ./${p}_*.deb
touch /var/lib/dpkg/updates/0000
