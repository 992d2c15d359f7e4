# what: the key file that NVIDIA's source names was removed
# breakage: apt-signed-by-keyring-missing
# machine: debian-12-rtx-4090
# undo: yes
dpkg -i /.lab/archives/developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/cuda-keyring_1.1-1_all.deb
rm /usr/share/keyrings/cuda-archive-keyring.gpg
