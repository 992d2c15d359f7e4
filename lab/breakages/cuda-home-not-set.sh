# what: something is to be compiled, and no toolkit is installed
# breakage: cuda-home-not-set
# machine: ubuntu-24.04-rtx-4090
# asked: nvcc --version
# hands: which version is wanted depends on the framework
:
