# what: a fresh system
# breakage: none
# machine: ubuntu-24.04-rtx-4090
# quick: yes
:
