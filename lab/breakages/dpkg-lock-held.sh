# what: apt installs a package whose script takes a quarter of a minute
# breakage: dpkg-lock-held
# machine: debian-12-rtx-4090
mkdir -p /tmp/slow/DEBIAN; cd /tmp
printf 'Package: slow\nVersion: 1\nArchitecture: all\nMaintainer: Lab <lab@example.invalid>\nDescription: takes its time\n' > slow/DEBIAN/control
printf '#!/bin/sh\ntouch /run/locked\nsleep 12\n' > slow/DEBIAN/postinst; chmod 755 slow/DEBIAN/postinst; dpkg-deb -b slow slow.deb
setsid apt-get -q -y install /tmp/slow.deb > /tmp/apt.log 2>&1 < /dev/null &
for i in $(seq 50); do [ -e /run/locked ] && break; sleep 0.1; done
[ -e /run/locked ]
