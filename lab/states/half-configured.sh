# what: the module's build fails, so the DKMS package's postinst does: status iF
# platforms: ubuntu debian pop
# machine: ubuntu-22.04-gtx-1080
# check: dpkg -l nvidia-dkms-580 | tail -n 1; dpkg --audit; apt-get -y install nvidia-prime; apt-get check
# says: iF  nvidia-dkms-580
# says: post-installation script subprocess returned error exit status 10
# says: E: Sub-process /usr/bin/dpkg returned an error code (1)
# exits: 0
echo 'nvidia/*' > /.lab/dkms-fails
p=nvidia-dkms-580
# Debian's module is called otherwise; NVIDIA's own, which is to come, builds.
if grep -q '^ID="\{0,1\}debian' /etc/os-release; then p=nvidia-kernel-dkms; echo 'nvidia-current/*' > /.lab/dkms-fails; fi
if apt-get -q -y install $p; then exit 1; fi
