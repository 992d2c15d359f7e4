# what: NVIDIA's repository without its key
# platforms: ubuntu-22.04 ubuntu-24.04 debian
# machine: debian-12-rtx-4090
# check: apt-get update
# says: NO_PUBKEY
# says: is not signed
# exits: 100
. /etc/os-release; d=$ID$(echo "$VERSION_ID" | tr -d .)
echo "deb https://developer.download.nvidia.com/compute/cuda/repos/$d/x86_64/ /" > /etc/apt/sources.list.d/cuda.list
