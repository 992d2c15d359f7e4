# what: NVIDIA's archive twice, with the keyring package's file and with a copy of it
# breakage: apt-signed-by-conflict
# machine: ubuntu-24.04-rtx-4090
# state: signed-by-conflict
# undo: yes
:
