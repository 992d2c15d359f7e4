# what: a line without its suite in a source file
# breakage: apt-malformed-source-line
# machine: debian-13-rtx-4090
# undo: yes
# quick: yes
echo 'deb https://ppa.example/ubuntu' > /etc/apt/sources.list.d/half.list
if apt-get -q update; then echo 'apt does not mind'; exit 1; fi
