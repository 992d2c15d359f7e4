# what: a guide for virtual machines left `blacklist nvidia`
# breakage: nvidia-module-blacklisted
# machine: ubuntu-24.04-rtx-4090
# state: held
# reboot: yes
# hands: whoever wrote the line may have had a reason
echo 'blacklist nvidia' > /etc/modprobe.d/passthrough.conf
