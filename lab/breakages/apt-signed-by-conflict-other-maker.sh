# what: another maker's archive twice, with two key files
# breakage: apt-signed-by-conflict
# machine: debian-12-rtx-4090
# hands: both entries name a key, and which one is meant only a person can say
cp /.lab/archives/keys/debian.gpg /usr/share/keyrings/one.gpg; cp /.lab/archives/keys/debian.gpg /usr/share/keyrings/two.gpg
for n in one two; do echo "deb [signed-by=/usr/share/keyrings/$n.gpg] https://packages.example.invalid/apt stable main" > /etc/apt/sources.list.d/$n.list; done
if apt-get -q update 2> /tmp/said; then exit 1; fi; grep Conflicting /tmp/said
