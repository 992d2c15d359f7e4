# Keeps the first card busy with matrix products: busy.py SECONDS. Prints what it held at most, by PyTorch's account and the driver's.
import sys, time

import torch

side = 8192
one = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
other = torch.empty_like(one)
ends, count = time.time() + float(sys.argv[1]), 0
while time.time() < ends:
    for _ in range(20):
        torch.matmul(one, one, out=other)
    torch.cuda.synchronize()
    count += 20
free, total = torch.cuda.mem_get_info()
print("reserved", torch.cuda.max_memory_reserved(), "device", total - free, "products", count, flush=True)
