# what: a guide put the toolkit's folder of stand-in libraries into the linker's settings
# breakage: cuda-stub-library-found-first
# machine: ubuntu-24.04-rtx-4090
# state: held
# undo: yes
# quick: yes
# simulated: the stand-in library is another library under its name
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
d=/usr/local/cuda-12.4/lib64/stubs; mkdir -p $d
perl -pe 's/libnvidia-ml\.so\.1/libcuda.so.1\0\0\0\0\0/g' /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1 > $d/libcuda.so
echo $d > /etc/ld.so.conf.d/cuda-stubs.conf
ldconfig; ldconfig -p | grep stubs
