# what: the same source twice with the same key, which apt warns of and which harms nothing
# breakage: none
# machine: debian-13-rtx-4090
# state: duplicate-sources
:
