# what: the home folder's file system is mounted for reading only
# breakage: file-system-read-only
# machine: ubuntu-24.04-cpu-only
# hands: a file system with errors is mended while it is not in use
mount -t tmpfs -o size=64m,mode=755 home /home/ada; chown ada: /home/ada; mount -o remount,ro /home/ada
