# what: DKMS built the module without a key, and Secure Boot is on
# breakage: secure-boot-module-unsigned
# machine: ubuntu-24.04-rtx-4090
# reboot: yes
# simulated: dkms, the firmware's variable, the kernel's refusal
apt-get -q -y --no-install-recommends install nvidia-driver-580-open
apt-get -q -y --no-install-recommends install nvidia-dkms-580-open
