# what: a program really reaches its limit of open files
# breakage: too-many-open-files
# machine: ubuntu-24.04-cpu-only
# asked: sh /srv/program
# hands: the limit belongs to the shell that starts a program
printf 'ulimit -n 64\nexec perl -e '"'"'for (0..100) { open(my $f, "<", "/dev/null") or die "OSError: [Errno 24] $!\\n"; push @all, $f }'"'"'\n' > /srv/program
