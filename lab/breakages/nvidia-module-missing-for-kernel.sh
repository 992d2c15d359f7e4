# what: a newer kernel was started, whose ready-made nvidia modules are not installed
# breakage: nvidia-module-missing-for-kernel
# machine: ubuntu-24.04-rtx-4090
# reboot: yes
apt-get -q -y --no-install-recommends install nvidia-driver-580-open linux-modules-nvidia-580-open-generic
apt-get -q -y purge "linux-modules-nvidia-580-open-$(uname -r)" linux-modules-nvidia-580-open-generic
apt-get -q -y purge nvidia-dkms-580-open nvidia-kernel-source-580-open || true
apt-get -q -y --no-install-recommends install linux-modules-nvidia-580-open-6.8.0-31-generic || apt-cache search linux-modules-nvidia-580-open | head
