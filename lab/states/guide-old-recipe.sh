# what: the guide's old recipe, followed in its day: PPA driver 535, NVIDIA's key by apt-key, a hand-written source and pin, then `apt install cuda`
# platforms: ubuntu-22.04
# machine: ubuntu-22.04-gtx-1080
# check: apt-get update 2>&1; dpkg -l cuda | tail -n 1
# says: Key is stored in legacy trusted.gpg keyring (/etc/apt/trusted.gpg)
# says: ii  cuda
# reboot: yes
cp /.lab/archives/keys/ppa.gpg /etc/apt/trusted.gpg.d/graphics-drivers-ubuntu-ppa.gpg
echo 'deb https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu/ jammy main' > /etc/apt/sources.list.d/graphics-drivers-ubuntu-ppa-jammy.list
# In its day Ubuntu had no package of that name that leads to 580.
sed -i 's/^deb .*-updates/#&/' /etc/apt/sources.list.d/ubuntu.list
apt-get -q update
apt-get -q -y install nvidia-driver-535
sed -i 's/^#deb/deb/' /etc/apt/sources.list.d/ubuntu.list; apt-get -q update
apt-key add /.lab/archives/keys/nvidia.gpg
printf 'Package: *\nPin: release l=NVIDIA CUDA\nPin-Priority: 600\n' > /etc/apt/preferences.d/cuda-repository-pin-600
echo 'deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/ /' > /etc/apt/sources.list.d/archive_uri-https_developer_download_nvidia_com_compute_cuda_repos_ubuntu2204_x86_64_-jammy.list
apt-get -q update
apt-get -q -y install cuda
printf '\nexport PATH=/usr/local/cuda/bin:$PATH\nexport LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH\n' >> /home/ada/.bashrc
