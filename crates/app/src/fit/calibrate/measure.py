# Measures this machine with what its environment has; run by `deskside fit --calibrate`, prints one JSON object.
import json, os, sys, time

SPAN = float(os.environ.get("DESKSIDE_CALIBRATE_SPAN", "0.7"))
out = {"python": sys.version.split()[0], "devices": [], "troubles": []}


def rate(work, amount, ready=lambda: None):
    """Amount a second of the quickest of several rounds: what the machine can, not what a busy moment allows."""
    work()
    ready()
    best, ends = 0.0, time.monotonic() + SPAN
    while time.monotonic() < ends:
        start = time.perf_counter()
        work()
        ready()
        best = max(best, amount / max(time.perf_counter() - start, 1e-9))
    return best


def attempt(device, key, measure):
    try:
        device[key] = measure()
    except Exception as error:
        out["troubles"].append(f"{device['name']}: {key}: {type(error).__name__}: {str(error)[:200]}")


def room(total, share):
    """Bytes of one of two blocks that are copied."""
    return int(max(min(total * share, 512 << 20), 16 << 20)) // 4096 * 4096


def torch_tiny(torch, place, dtype):
    """A step of training of a tiny model: what it holds at most, in bytes."""
    layers, width, words, tokens = 4, 512, 8192, 512
    embed = torch.nn.Embedding(words, width)
    block = lambda: torch.nn.TransformerEncoderLayer(width, 8, 4 * width, dropout=0.0, batch_first=True)
    model = torch.nn.Sequential(embed, *[block() for _ in range(layers)], torch.nn.Linear(width, words)).to(place)
    optimizer = torch.optim.AdamW(model.parameters())
    batch = torch.randint(0, words, (2, tokens), device=place)
    for _ in range(2):
        loss = torch.nn.functional.cross_entropy(model(batch).flatten(0, 1), batch.flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return sum(value.numel() for value in model.parameters())


def with_torch():
    import torch

    made = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        kind = "rocm" if getattr(torch.version, "hip", None) else "cuda"
        for place in range(torch.cuda.device_count()):
            device = {"kind": kind, "place": place, "name": torch.cuda.get_device_name(place), "framework": made}
            out["devices"].append(device)
            at = torch.device("cuda", place)
            ready = lambda: torch.cuda.synchronize(at)

            def context():
                torch.zeros(1, device=at)
                ready()
                free, total = torch.cuda.mem_get_info(at)
                # What others hold is taken off by whoever knows it.
                return total - free - torch.cuda.memory_reserved(at)

            attempt(device, "held_bytes", context)
            free = torch.cuda.mem_get_info(at)[0]

            def copying():
                size = room(free, 0.1)
                one = torch.empty(size, dtype=torch.uint8, device=at)
                other = torch.empty_like(one)
                return rate(lambda: other.copy_(one), 2 * size, ready)

            def matrices():
                side = 8192 if free > 4 << 30 else 2048
                dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
                one = torch.randn(side, side, device=at, dtype=dtype)
                return rate(lambda: one @ one, 2 * side**3, ready)

            def tiny():
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats(at)
                device["tiny_parameters"] = torch_tiny(torch, at, None)
                return torch.cuda.max_memory_allocated(at)

            attempt(device, "copy_bytes_per_second", copying)
            attempt(device, "matrix_flops", matrices)
            attempt(device, "tiny_peak_bytes", tiny)
    elif getattr(torch.backends, "mps", None) and torch.backends.mps.is_available():
        device = {"kind": "metal", "place": 0, "name": "Apple GPU", "framework": made}
        out["devices"].append(device)
        ready = torch.mps.synchronize
        one = torch.empty(256 << 20, dtype=torch.uint8, device="mps")
        other = torch.empty_like(one)
        attempt(device, "copy_bytes_per_second", lambda: rate(lambda: other.copy_(one), 2 * (256 << 20), ready))
        square = torch.randn(4096, 4096, device="mps", dtype=torch.float16)
        attempt(device, "matrix_flops", lambda: rate(lambda: square @ square, 2 * 4096**3, ready))
    device = {"kind": "cpu", "place": 0, "name": "cpu", "framework": made}
    out["devices"].append(device)
    one = torch.ones(64 << 20)
    other = torch.empty_like(one)
    attempt(device, "copy_bytes_per_second", lambda: rate(lambda: other.copy_(one), 2 * 4 * (64 << 20)))
    square = torch.randn(2048, 2048)
    attempt(device, "matrix_flops", lambda: rate(lambda: square @ square, 2 * 2048**3))


def with_mlx():
    import mlx.core as mx

    version = getattr(mx, "__version__", "")
    device = {"kind": "metal", "place": 0, "name": "Apple GPU", "framework": f"mlx {version}".strip()}
    out["devices"].append(device)
    one = mx.ones(64 << 20)
    mx.eval(one)
    attempt(device, "copy_bytes_per_second", lambda: rate(lambda: mx.eval(one + 1.0), 2 * 4 * (64 << 20)))
    square = mx.random.normal((4096, 4096)).astype(mx.float16)
    mx.eval(square)
    attempt(device, "matrix_flops", lambda: rate(lambda: mx.eval(square @ square), 2 * 4096**3))


def with_jax():
    import jax, jax.numpy as jnp

    for place, at in enumerate(jax.devices()):
        kind = {"gpu": "cuda", "cuda": "cuda", "rocm": "rocm", "METAL": "metal"}.get(at.platform)
        if not kind:
            continue
        device = {"kind": kind, "place": place, "name": at.device_kind, "framework": f"jax {jax.__version__}"}
        out["devices"].append(device)
        one = jax.device_put(jnp.ones(16 << 20), at)
        add = jax.jit(lambda value: value + 1.0)
        attempt(device, "copy_bytes_per_second", lambda: rate(lambda: add(one).block_until_ready(), 2 * 4 * (16 << 20)))
        square = jax.device_put(jnp.ones((2048, 2048), jnp.bfloat16), at)
        times = jax.jit(lambda value: value @ value)
        attempt(device, "matrix_flops", lambda: rate(lambda: times(square).block_until_ready(), 2 * 2048**3))


def with_numpy():
    import numpy

    device = {"kind": "cpu", "place": 0, "name": "cpu", "framework": f"numpy {numpy.__version__}"}
    out["devices"].append(device)
    one = numpy.ones(64 << 20, numpy.float32)
    other = numpy.empty_like(one)
    attempt(device, "copy_bytes_per_second", lambda: rate(lambda: numpy.copyto(other, one), 2 * 4 * (64 << 20)))
    square = numpy.random.rand(2048, 2048).astype(numpy.float32)
    attempt(device, "matrix_flops", lambda: rate(lambda: square @ square, 2 * 2048**3))


for measure in (with_torch, with_mlx, with_jax, with_numpy):
    try:
        measure()
    except ImportError:
        continue
    except Exception as error:
        out["troubles"].append(f"{measure.__name__}: {type(error).__name__}: {str(error)[:200]}")
        continue
    # The processor is measured by whoever does it well; numpy is the last that can.
    if any(device["kind"] == "cpu" for device in out["devices"]):
        break
print("DESKSIDE " + json.dumps(out))
