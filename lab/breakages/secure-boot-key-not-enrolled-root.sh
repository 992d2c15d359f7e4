# what: the same where only root may read the kernel's log, which proves it
# breakage: secure-boot-key-not-enrolled
# machine: ubuntu-24.04-rtx-4090
# reboot: yes
# root: yes
# simulated: the signature (a name in the module), the firmware's variable, the kernel's refusal and its log
apt-get -q -y --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic
k=$(uname -r)
for f in $(find "/lib/modules/$k" -name 'nvidia*.ko'); do sed -i 's/Canonical Ltd. Kernel Module Signing/lab Secure Boot Module Signature key/' "$f"; done
depmod "$k"
printf '#!/bin/sh\n[ "$(id -u)" = 0 ] || { echo "dmesg: read kernel buffer failed: Operation not permitted" >&2; exit 1; }\ncat /.lab/kernel.log\n' > /usr/local/bin/dmesg
