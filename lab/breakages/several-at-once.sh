# what: seven problems at once: each root, in the order to mend them; what stops apt as a whole comes first
# breakage: apt-malformed-source-line
# machine: ubuntu-24.04-rtx-4090
# state: held
# beside: apt-signed-by-keyring-missing
# simulated: the loaded module, the stand-in library
# all: apt-malformed-source-line apt-signed-by-conflict apt-keyring-unusable apt-no-pubkey-cuda-repo apt-signed-by-keyring-missing nvml-mismatch-after-package-upgrade cuda-stub-library-found-first
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
apt-get -q -y --no-install-recommends install nvidia-driver-595-open linux-modules-nvidia-595-open-generic
d=/usr/local/cuda-12.4/lib64/stubs; mkdir -p $d; perl -pe 's/libnvidia-ml\.so\.1/libcuda.so.1\0\0\0\0\0/g' /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1 > $d/libcuda.so; echo $d > /etc/ld.so.conf.d/cuda-stubs.conf; ldconfig
cd /etc/apt/sources.list.d; r=developer.download.nvidia.com/compute/cuda/repos
echo 'deb https://ppa.example/ubuntu' > half.list
echo "deb https://$r/ubuntu2404/x86_64/ /" > cuda.list
echo 'deb [signed-by=/usr/share/keyrings/gone.gpg] https://packages.example.invalid/apt stable main' > gone.list
for n in two three; do cp /.lab/archives/keys/amd.gpg /usr/share/keyrings/$n.gpg; done; chmod 600 /usr/share/keyrings/three.gpg
a=https://repo.radeon.com/rocm/apt/7.2.2; echo "deb [signed-by=/usr/share/keyrings/two.gpg] $a noble main" > two.list; echo "deb $a noble main" > bare.list
echo "deb [signed-by=/usr/share/keyrings/three.gpg] https://repo.radeon.com/amdgpu-install/7.2.2/ubuntu noble main" > three.list
