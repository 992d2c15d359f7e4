# what: something is to be compiled, and no compiler is installed
# breakage: no-c-compiler
# machine: ubuntu-24.04-cpu-only
# asked: sh /srv/build
# undo: yes
# simulated: the compiler (a script) and its package
mkdir -p /srv/tools; cd /srv/tools; f=usr/bin/cc; mkdir -p p/DEBIAN "p/${f%/*}"
printf 'Package: build-essential\nVersion: 12.10\nArchitecture: amd64\nMaintainer: Lab <lab@example.invalid>\nDescription: stand-in\n' > p/DEBIAN/control
printf '#!/bin/sh\nexit 0\n' > p/$f; chmod 755 p/$f
dpkg-deb -b p build-essential.deb; rm -r p
{ dpkg-deb -f build-essential.deb; printf 'Filename: ./build-essential.deb\nSize: %s\nSHA256: %s\n' "$(stat -c %s build-essential.deb)" "$(sha256sum build-essential.deb | cut -d' ' -f1)"; } > Packages
echo 'deb [trusted=yes] file:/srv/tools ./' > /etc/apt/sources.list.d/tools.list; apt-get -q update
echo 'cc -o /dev/null /dev/null' > /srv/build
