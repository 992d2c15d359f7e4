# what: an upgrade replaced the libraries under the loaded module
# breakage: nvml-mismatch-after-package-upgrade
# machine: ubuntu-24.04-rtx-4090
# state: held
# simulated: the loaded module (files in /sys and /proc)
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
apt-get -q -y --no-install-recommends install nvidia-driver-595-open linux-modules-nvidia-595-open-generic
# No reboot: the module of 580 stays loaded.
