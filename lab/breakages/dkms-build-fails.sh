# what: the driver's source does not compile for this kernel, and goes on failing
# breakage: dkms-build-fails-on-new-kernel
# machine: ubuntu-22.04-gtx-1080
# state: half-configured
# reboot: yes
# simulated: dkms and its build log; dpkg's failure is real
:
