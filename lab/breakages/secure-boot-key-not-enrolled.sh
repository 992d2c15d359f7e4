# what: the module is signed with a key that the firmware was never told to trust
# breakage: secure-boot-key-not-enrolled
# machine: ubuntu-24.04-rtx-4090
# reboot: yes
# simulated: the signature (a name in the module), the firmware's variable, the kernel's refusal
apt-get -q -y --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic
k=$(uname -r)
for f in $(find "/lib/modules/$k" -name 'nvidia*.ko'); do sed -i 's/Canonical Ltd. Kernel Module Signing/lab Secure Boot Module Signature key/' "$f"; done
depmod "$k"; modinfo -F signer nvidia
