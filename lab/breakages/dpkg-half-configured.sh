# what: a package's script failed once, for a reason that is gone
# breakage: dpkg-half-configured-after-dkms
# machine: ubuntu-22.04-gtx-1080
# state: half-configured
# quick: yes
rm /.lab/dkms-fails; rm -f /var/lib/dkms/nvidia/*/build/make.log
