# what: NVIDIA's repository twice, with the same keyring
# platforms: ubuntu-22.04 ubuntu-24.04 debian
# machine: debian-13-rtx-4090
# check: apt-get update
# says: is configured multiple times in
# exits: 0
. /etc/os-release; d=$ID$(echo "$VERSION_ID" | tr -d .)
dpkg -i /.lab/archives/developer.download.nvidia.com/compute/cuda/repos/$d/x86_64/cuda-keyring_1.1-1_all.deb
cp /etc/apt/sources.list.d/cuda-$d-x86_64.list /etc/apt/sources.list.d/cuda.list
