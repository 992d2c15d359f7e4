# what: a mirror whose index is past its date
# breakage: apt-release-expired
# machine: debian-13-rtx-4090
# state: expired-release
# asked: sudo apt-get update
# hands: a new index can only come from the archive's maker
:
