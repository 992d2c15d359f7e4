# what: a profile leads to the toolkit's compatibility library, which works on no GeForce
# breakage: cuda-error-804-compat-on-geforce
# machine: ubuntu-24.04-rtx-4090
# state: held
# undo: yes
# simulated: the compatibility library (an empty file of that name)
apt-mark unhold nvidia-driver-580-open libnvidia-compute-580 nvidia-kernel-common-580
mkdir -p /usr/local/cuda-13.2/compat; ln -s cuda-13.2 /usr/local/cuda
echo > /usr/local/cuda-13.2/compat/libcuda.so.595.45.04; ln -s libcuda.so.595.45.04 /usr/local/cuda-13.2/compat/libcuda.so.1
printf 'export LD_LIBRARY_PATH=/usr/local/cuda/compat\n' >> /home/ada/.profile; chown ada: /home/ada/.profile
