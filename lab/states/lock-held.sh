# what: another process holds dpkg's lock for an hour
# platforms: ubuntu debian pop
# machine: debian-12-rtx-4090
# check: apt-get -y install dkms
# says: E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process
# exits: 100
perl -MFcntl -e 'open(my $f, ">", "/var/lib/dpkg/lock-frontend"); my $l = pack("ssx4qqix4", F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLK, $l) or die "lock: $!"; open(my $r, ">", "/run/locked"); close $r; sleep 3600' > /dev/null 2>&1 < /dev/null &
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -e /run/locked ] && break; sleep 0.1; done
[ -e /run/locked ]
