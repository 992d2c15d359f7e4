# what: the driver is loaded without its part for CUDA's memory
# breakage: nvidia-uvm-missing
# machine: ubuntu-24.04-rtx-4090
# state: held
# asked: sh /srv/program
# simulated: the program, which says what torch says
rm -r /dev/nvidia-uvm /sys/module/nvidia_uvm
printf '#!/bin/sh\n[ -e /dev/nvidia-uvm ] && exit 0\necho "RuntimeError: CUDA unknown error - this may be due to an incorrectly set up environment, e.g. changing env variable CUDA_VISIBLE_DEVICES after program start." >&2\nexit 1\n' > /srv/program
