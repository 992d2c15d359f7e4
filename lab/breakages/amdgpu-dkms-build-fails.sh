# what: AMD's packaged driver does not compile for this kernel
# breakage: amdgpu-dkms-build-fails
# machine: ubuntu-24.04-rx-7900-xtx
# simulated: dkms and its build log; dpkg's failure is real
cp /.lab/archives/keys/amd.gpg /usr/share/keyrings/rocm.gpg
echo 'amdgpu/*' > /.lab/dkms-fails
echo "deb [signed-by=/usr/share/keyrings/rocm.gpg] https://repo.radeon.com/amdgpu-install/7.2.2/ubuntu noble main" > /etc/apt/sources.list.d/rocm.list
apt-get -q update
if apt-get -q -y --no-install-recommends install amdgpu-dkms; then exit 1; fi
