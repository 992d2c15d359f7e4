# what: the account is not in the group that may open the AMD GPU
# breakage: rocm-user-not-in-render-group
# machine: ubuntu-24.04-rx-7900-xtx
# undo: yes
# simulated: the device file is a node without hardware
getent group render || groupadd --system render
chgrp render /dev/kfd /dev/dri/renderD128; chmod 660 /dev/kfd /dev/dri/renderD128
