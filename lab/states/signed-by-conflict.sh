# what: NVIDIA's repository twice, with two keyrings: apt reads no source at all
# platforms: ubuntu-22.04 ubuntu-24.04 debian
# machine: ubuntu-24.04-rtx-4090
# check: apt-get update
# says: E: Conflicting values set for option Signed-By regarding source https://developer.download.nvidia.com/compute/cuda/repos/
# says: E: The list of sources could not be read.
# exits: 100
. /etc/os-release; d=$ID$(echo "$VERSION_ID" | tr -d .)
dpkg -i /.lab/archives/developer.download.nvidia.com/compute/cuda/repos/$d/x86_64/cuda-keyring_1.1-1_all.deb
cp /.lab/archives/keys/nvidia.gpg /usr/share/keyrings/nvidia.gpg
echo "deb [signed-by=/usr/share/keyrings/nvidia.gpg] https://developer.download.nvidia.com/compute/cuda/repos/$d/x86_64/ /" > /etc/apt/sources.list.d/nvidia-cuda.list
