"""Imports modules and runs a small computation on each device; says what came of it in JSON lines.

Carried by Deskside and run by the environment's own Python: `python -B -c PROGRAM LIMIT STEP...`, a step is
`name=module`. What is printed while importing goes to stderr, so that the lines are all there is on stdout. A step that
takes longer than LIMIT seconds ends the process with its stack on stderr.
"""
import faulthandler
import importlib
import json
import os
import sys
import time
import traceback

_out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)
# Small computations must not take the whole device from a training run.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")


def say(**line):
    _out.write(json.dumps(line) + "\n")
    _out.flush()


def timed(step, device, compute):
    begun = time.perf_counter()
    try:
        right = bool(compute())
    except BaseException as error:
        failed(step, error, device)
        return
    say(step=step, event="device", device=device, right=right, seconds=time.perf_counter() - begun)


def failed(step, error, device=None):
    frames = traceback.extract_tb(error.__traceback__)
    message = "".join(traceback.format_exception_only(type(error), error)).strip()
    causes, cause = [], error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append("".join(traceback.format_exception_only(type(cause), cause)).strip()[:2000])
        cause = cause.__cause__ or cause.__context__
    say(step=step, event="failed", device=device, error=message[:4000], causes=causes,
        frames=["%s:%s" % (frame.filename, frame.lineno) for frame in frames[-12:]])


def torch(step, module):
    def on(device):
        def compute():
            left = module.ones(64, 64, device=device, requires_grad=True)
            (left @ module.ones(64, 64, device=device)).sum().backward()
            image = module.ones(1, 1, 8, 8, device=device)
            folded = module.nn.functional.conv2d(image, module.ones(1, 1, 3, 3, device=device))
            return float(left.grad[0, 0]) == 64.0 and float(folded[0, 0, 0, 0]) == 9.0
        return compute
    timed(step, "cpu", on("cpu"))
    if module.cuda.is_available():
        for index in range(module.cuda.device_count()):
            timed(step, "cuda:%d" % index, on("cuda:%d" % index))
    backend = getattr(module.backends, "mps", None)
    if backend is not None and backend.is_available():
        timed(step, "mps", on("mps"))


def jax(step, module):
    numpy = importlib.import_module("jax.numpy")
    try:
        devices = module.devices()
    except BaseException as error:
        failed(step, error, "devices")
        return
    for device in devices:
        def compute(device=device):
            with module.default_device(device):
                return float((numpy.ones((64, 64)) @ numpy.ones((64, 64)))[0, 0]) == 64.0
        timed(step, "%s:%d" % (device.platform, device.id), compute)


def mlx(step, module):
    core = importlib.import_module("mlx.core")

    def on(device):
        def compute():
            with core.stream(device):
                product = core.ones((64, 64)) @ core.ones((64, 64))
                core.eval(product)
            return product[0, 0].item() == 64.0
        return compute
    timed(step, "cpu", on(core.cpu))
    if core.default_device() == core.Device(core.gpu):
        timed(step, "gpu", on(core.gpu))


def tensorflow(step, module):
    for device in module.config.list_logical_devices():
        def compute(device=device):
            with module.device(device.name):
                return float((module.ones((64, 64)) @ module.ones((64, 64)))[0, 0]) == 64.0
        if device.device_type in ("CPU", "GPU"):
            timed(step, device.device_type.lower() + ":" + device.name.rsplit(":", 1)[-1], compute)


def numpy(step, module):
    def compute():
        matrix = module.ones((64, 64)) + module.eye(64)
        return abs(float(module.linalg.solve(matrix, matrix.sum(axis=1))[0]) - 1.0) < 1e-9
    timed(step, "cpu", compute)


COMPUTE = {"torch": torch, "jax": jax, "mlx": mlx, "tensorflow": tensorflow, "numpy": numpy}


def main():
    limit = float(sys.argv[1])
    for word in sys.argv[2:]:
        step, name = word.split("=", 1)
        faulthandler.dump_traceback_later(limit, exit=True)
        say(step=step, event="begin")
        begun = time.perf_counter()
        try:
            module = importlib.import_module(name)
        except BaseException as error:
            failed(step, error)
        else:
            version = getattr(module, "__version__", None)
            say(step=step, event="imported", seconds=time.perf_counter() - begun,
                version=version if isinstance(version, str) else None, file=getattr(module, "__file__", None))
            if step in COMPUTE:
                COMPUTE[step](step, module)
        say(step=step, event="end")
        faulthandler.cancel_dump_traceback_later()


main()
_out.flush()
# Libraries that end badly at exit have done their work.
os._exit(0)
