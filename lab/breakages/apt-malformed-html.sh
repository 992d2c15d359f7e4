# what: a script saved a web page as a source file
# breakage: apt-malformed-source-line
# machine: ubuntu-22.04-rtx-4090
# undo: yes
printf '<!DOCTYPE html>\n' > /etc/apt/sources.list.d/nvidia-container-toolkit.list
if apt-get -q update; then echo 'apt does not mind'; exit 1; fi
