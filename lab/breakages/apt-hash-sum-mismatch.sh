# what: the mirror was in the middle of an update, and is whole again by the next look
# breakage: apt-hash-sum-mismatch-mirror-sync
# machine: ubuntu-24.04-rtx-4090
# asked: sudo sh /srv/look
# simulated: the mirror is a folder, and is whole again after the first two looks
export GNUPGHOME=/.lab/gpg; mkdir -m 700 -p $GNUPGHOME /srv/mirror; cd /srv/mirror
echo 'Package: thing' > Packages; printf 'Version: 1\nArchitecture: all\nFilename: ./thing.deb\nSize: 1\n' >> Packages
{ echo "Date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S UTC')"; echo SHA256:; echo " $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages"; } > Release
gpg --batch --quiet --passphrase '' --quick-gen-key 'Mirror <lab@example.invalid>' rsa2048 sign 1y
gpg --batch --yes --quiet --clearsign -o InRelease Release; gpg --batch --export > /usr/share/keyrings/mirror.gpg; gpgconf --kill all
cp Packages /srv/Packages.whole; sed -i 's/Version: 1/Version: 2/' Packages
echo 'deb [signed-by=/usr/share/keyrings/mirror.gpg] file:/srv/mirror ./' > /etc/apt/sources.list.d/mirror.list
printf '#!/bin/sh\napt-get update; code=$?\nn=$(cat /srv/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /srv/n\n[ $n -ge 2 ] && cp /srv/Packages.whole /srv/mirror/Packages\nexit $code\n' > /srv/look
