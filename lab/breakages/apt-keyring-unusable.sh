# what: a key file that only root may read
# breakage: apt-keyring-unusable
# machine: ubuntu-24.04-rtx-4090
# undo: yes
dpkg -i /.lab/archives/developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/cuda-keyring_1.1-1_all.deb
chmod 600 /usr/share/keyrings/cuda-archive-keyring.gpg
if apt-get -q update; then echo 'apt does not mind'; exit 1; fi
