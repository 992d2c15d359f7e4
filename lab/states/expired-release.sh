# what: the archive's Release file is out of date
# platforms: ubuntu debian
# machine: debian-13-rtx-4090
# check: apt-get update
# says: is expired (invalid since
# exits: 100
mkdir -p /.lab/tmp; export GNUPGHOME=/.lab/tmp/gpg; mkdir -m 700 -p $GNUPGHOME
. /etc/os-release; h=$(ls -d /.lab/archives/*/compute/cuda/repos/debian13/x86_64)
# A copy in the root's own folder, signed anew by a key of this machine, because the archives can't be written.
mkdir -p /srv/old; cp "$h"/Packages* "$h"/Release /srv/old/
sed -i '1i Valid-Until: Mon, 01 Jan 2024 00:00:00 UTC' /srv/old/Release
gpg --batch --quiet --passphrase '' --quick-gen-key 'Old archive <lab@example.invalid>' rsa2048 sign 1y
gpg --batch --yes --quiet --clearsign -o /srv/old/InRelease /srv/old/Release
gpg --batch --export > /usr/share/keyrings/old.gpg; gpgconf --kill all
echo 'deb [signed-by=/usr/share/keyrings/old.gpg] file:/srv/old ./' > /etc/apt/sources.list.d/old.list
