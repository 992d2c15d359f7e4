# what: somebody installed nvidia-utils because the shell proposed it, and nothing that brings a module
# breakage: nvidia-libraries-without-module
# machine: ubuntu-24.04-rtx-4090
# reboot: yes
apt-get -q -y --no-install-recommends install nvidia-utils-580
