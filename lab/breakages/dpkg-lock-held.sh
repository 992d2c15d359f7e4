# what: another process installs, for a quarter of a minute
# breakage: dpkg-lock-held
# machine: debian-12-rtx-4090
# On a file system of its own: what /proc/locks says of a file on an overlay does not fit what stat says.
mkdir /.lab/dpkg; cp -a /var/lib/dpkg/. /.lab/dpkg; mount -t tmpfs dpkg /var/lib/dpkg; cp -a /.lab/dpkg/. /var/lib/dpkg
perl -MFcntl -e 'open(my $f, ">", "/var/lib/dpkg/lock-frontend"); my $l = pack("ssx4qqix4", F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLK, $l) or die "lock: $!"; open(my $r, ">", "/run/locked"); close $r; sleep 15' > /dev/null 2>&1 < /dev/null &
for i in $(seq 20); do [ -e /run/locked ] && break; sleep 0.1; done
[ -e /run/locked ]
