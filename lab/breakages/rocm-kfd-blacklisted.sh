# what: somebody forbade amdgpu, and ROCm is installed
# breakage: rocm-kfd-node-missing
# machine: ubuntu-24.04-rx-7900-xtx
# reboot: yes
# hands: whoever wrote the line may have had a reason
# simulated: the boot; ROCm is a folder with its version
mkdir -p /opt/rocm-6.4.1/.info; echo 6.4.1-83 > /opt/rocm-6.4.1/.info/version; ln -s rocm-6.4.1 /opt/rocm
echo 'blacklist amdgpu' > /etc/modprobe.d/passthrough.conf
