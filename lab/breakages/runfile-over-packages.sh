# what: NVIDIA's .run installer put its driver over the packages' one
# breakage: runfile-driver-over-packages
# machine: ubuntu-24.04-two-generations
# reboot: yes
# simulated: the files that the installer leaves
apt-get -q -y --no-install-recommends install nvidia-driver-580
l=/usr/lib/x86_64-linux-gnu
printf '#!/bin/sh\nrm -f /usr/bin/nvidia-uninstall /usr/bin/nvidia-installer\n' > /usr/bin/nvidia-uninstall; chmod 755 /usr/bin/nvidia-uninstall; ln -s nvidia-uninstall /usr/bin/nvidia-installer
for n in libcuda libnvidia-ml; do echo stand-in > $l/$n.so.550.54.14; ln -sf $n.so.550.54.14 $l/$n.so.1; done
