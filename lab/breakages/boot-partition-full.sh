# what: /boot is a small file system that old kernels fill
# breakage: boot-partition-full
# machine: ubuntu-24.04-rtx-4090
# state: full-boot
# hands: with two kernels or fewer none can be chosen by itself
:
