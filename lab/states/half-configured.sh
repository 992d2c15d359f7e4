# what: the module's build fails, so the DKMS package's postinst does: status iF
# platforms: ubuntu debian pop
# machine: ubuntu-22.04-gtx-1080
# check: dpkg -l nvidia-dkms-580 | tail -n 1; dpkg --audit; apt-get -y install nvidia-prime; apt-get check
# says: iF  nvidia-dkms-580
# says: post-installation script subprocess returned error exit status 10
# says: E: Sub-process /usr/bin/dpkg returned an error code (1)
# exits: 0
echo 'nvidia/*' > /.lab/dkms-fails
if apt-get -q -y install nvidia-dkms-580; then exit 1; fi
