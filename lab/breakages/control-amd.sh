# what: an AMD GPU with the kernel's own driver
# breakage: none
# machine: ubuntu-24.04-rx-7900-xtx
:
