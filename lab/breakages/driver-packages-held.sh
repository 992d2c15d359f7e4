# what: the driver's packages are held, and another branch is asked for
# breakage: driver-packages-held
# machine: ubuntu-24.04-rtx-4090
# state: held
# asked: sudo apt-get -y install nvidia-driver-595-open
# hands: somebody held them back, and may have had a reason
:
