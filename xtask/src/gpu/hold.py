# Holds memory of the first card that it sees: hold.py MEBIBYTES SECONDS. It asks the driver alone, as quick as a C program would.
import ctypes, os, sys, time

cuda = ctypes.CDLL("libcuda.so.1")


def must(code, call):
    if code != 0:
        sys.exit(f"{call} failed: CUDA error {code}")


begun = time.time()
must(cuda.cuInit(0), "cuInit")
device, context, at = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
must(cuda.cuDeviceGet(ctypes.byref(device), 0), "cuDeviceGet")
must(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device), "cuDevicePrimaryCtxRetain")
must(cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent")
must(cuda.cuMemAlloc_v2(ctypes.byref(at), ctypes.c_size_t(int(sys.argv[1]) << 20)), "cuMemAlloc_v2")
print("sees", os.environ.get("CUDA_VISIBLE_DEVICES", "all"), flush=True)
time.sleep(float(sys.argv[2]))
print("from", begun, "to", time.time(), flush=True)
