# what: a download that failed left an empty key file of another maker
# breakage: apt-signed-by-keyring-missing
# machine: ubuntu-24.04-rtx-4090
# hands: which key is the right one only the archive's maker says
: > /usr/share/keyrings/maker.gpg
echo 'deb [signed-by=/usr/share/keyrings/maker.gpg] http://archive.ubuntu.com/ubuntu noble main' > /etc/apt/sources.list.d/maker.list
rm /etc/apt/sources.list.d/ubuntu.list
# It goes on with the lists of before, and warns.
apt-get -q update 2>&1 | grep NO_PUBKEY
