# what: AMD's packaged driver does not compile for this kernel
# breakage: amdgpu-dkms-build-fails
# machine: ubuntu-24.04-rx-7900-xtx
# simulated: dkms and its build log; dpkg's failure is real
apt-cache policy amdgpu-dkms
