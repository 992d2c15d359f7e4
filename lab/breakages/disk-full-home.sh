# what: the file system of the home folder is full
# breakage: disk-full
# machine: ubuntu-24.04-cpu-only
# hands: only a person knows what may go
mount -t tmpfs -o size=8m,mode=755 home /home/ada; chown ada: /home/ada
dd if=/dev/zero of=/home/ada/data bs=1M count=20 2>/dev/null || true
