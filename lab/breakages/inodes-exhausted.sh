# what: a file system with space and without inodes
# breakage: inodes-exhausted
# machine: ubuntu-24.04-cpu-only
# hands: only a person knows what may go
mkdir -p /data; mount -t tmpfs -o size=64m,nr_inodes=40 data /data; i=0; while touch /data/$i 2>/dev/null; do i=$((i+1)); done
