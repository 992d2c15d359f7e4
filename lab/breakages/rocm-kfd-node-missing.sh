# what: amdgpu is not loaded, though ROCm is installed
# breakage: rocm-kfd-node-missing
# machine: ubuntu-24.04-rx-7900-xtx
# simulated: the driver and its device files; ROCm is a folder with its version
rm -rf /sys/module/amdgpu /dev/kfd /dev/dri /sys/class/kfd /sys/class/drm/*; rm -f /sys/devices/pci0000:00/*/driver
mkdir -p /opt/rocm-6.4.1/.info; echo 6.4.1-83 > /opt/rocm-6.4.1/.info/version; ln -s rocm-6.4.1 /opt/rocm
