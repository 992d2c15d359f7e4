# what: a newer kernel was started, whose ready-made nvidia modules are not installed
# breakage: nvidia-module-missing-for-kernel
# machine: ubuntu-22.04-rtx-4090
# reboot: yes
apt-get -q -y --no-install-recommends install linux-image-6.2.0-39-generic
apt-get -q -y --no-install-recommends install linux-modules-nvidia-580-open-6.2.0-39-generic nvidia-utils-580 || apt-cache search nvidia-580-open
apt-cache policy linux-modules-nvidia-580-open-6.2.0-39-generic
