# what: a build needs the headers of Python, which are not installed
# breakage: python-headers-missing
# machine: ubuntu-24.04-cpu-only
# asked: sh /srv/build
# simulated: the build, which says what a compiler says, and the package
mkdir -p /srv/tools; cd /srv/tools; f=usr/include/python3.12/Python.h; mkdir -p p/DEBIAN "p/${f%/*}"
printf 'Package: python3-dev\nVersion: 12.10\nArchitecture: amd64\nMaintainer: Lab <lab@example.invalid>\nDescription: stand-in\n' > p/DEBIAN/control
echo > p/$f
dpkg-deb -b p python3-dev.deb; rm -r p
{ dpkg-deb -f python3-dev.deb; printf 'Filename: ./python3-dev.deb\nSize: %s\nSHA256: %s\n' "$(stat -c %s python3-dev.deb)" "$(sha256sum python3-dev.deb | cut -d' ' -f1)"; } > Packages
echo 'deb [trusted=yes] file:/srv/tools ./' > /etc/apt/sources.list.d/tools.list; apt-get -q update
echo '[ -e /usr/include/python3.12/Python.h ] || { echo "module.c:1:10: fatal error: Python.h: No such file or directory" >&2; exit 1; }' > /srv/build
