# what: /dev/shm is a small tmpfs, and a program really fills it
# breakage: shm-too-small
# machine: ubuntu-24.04-cpu-only
# asked: dd if=/dev/zero of=/dev/shm/torch_1_1 bs=1M count=64
# hands: a larger /dev/shm takes main memory from programs
mount -o remount,size=16m /dev/shm; chmod 1777 /dev/shm
