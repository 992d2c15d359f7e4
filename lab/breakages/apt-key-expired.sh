# what: an archive is signed with a key that has expired
# breakage: apt-key-expired
# machine: debian-12-rtx-4090
# asked: sudo apt-get update
# hands: which key is the right one only the archive's maker says
export GNUPGHOME=/.lab/gpg; mkdir -m 700 -p $GNUPGHOME /srv/mirror; cd /srv/mirror
printf 'Package: thing\nVersion: 1\nArchitecture: all\nFilename: ./thing.deb\nSize: 1\n' > Packages
{ echo "Date: $(LC_ALL=C date -u -d '400 days ago' '+%a, %d %b %Y %H:%M:%S UTC')"; echo SHA256:; echo " $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages"; } > Release
then=$(date -u -d '400 days ago' +%Y%m%dT%H%M%S)
gpg --batch --quiet --faked-system-time "$then" --passphrase '' --quick-gen-key 'Old <lab@example.invalid>' rsa2048 sign 30d
gpg --batch --yes --quiet --faked-system-time "$then" --clearsign -o InRelease Release; gpg --batch --export > /usr/share/keyrings/old.gpg; gpgconf --kill all
echo 'deb [signed-by=/usr/share/keyrings/old.gpg] file:/srv/mirror ./' > /etc/apt/sources.list.d/mirror.list
