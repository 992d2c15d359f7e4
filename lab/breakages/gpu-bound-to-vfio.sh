# what: the GPU is given to vfio-pci
# breakage: gpu-bound-to-vfio
# machine: ubuntu-24.04-rtx-4090
# state: held
# hands: it was set aside on purpose
# simulated: the binding (a link in /sys)
rm -rf /sys/module/nvidia* /proc/driver/nvidia/* /dev/nvidia*; for d in /sys/devices/pci0000:00/*; do ln -sfn ../../../bus/pci/drivers/vfio-pci "$d/driver"; done; mkdir -p /sys/bus/pci/drivers/vfio-pci
