# what: no driver, and somebody asks nvidia-smi
# breakage: nvidia-driver-not-installed
# machine: ubuntu-24.04-rtx-4090
# asked: nvidia-smi
:
