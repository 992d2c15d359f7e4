# what: no network: apt warns and ends with 0
# platforms: ubuntu debian pop
# machine: pop-24.04-rtx-3090
# check: apt-get update
# says: W: Failed to fetch
# says: Temporary failure resolving 'archive.ubuntu.com'
# exits: 0
touch /.lab/unreachable
