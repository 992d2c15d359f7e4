"""Measures ``deskside.log``: median and 99th percentile in microseconds per call, 3 repeats.

    python3 bench_log.py [CALLS]

Prints one JSON object. The store is a temporary folder; the disk is the one of TMPDIR.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from time import perf_counter_ns

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def measure(call, calls: int) -> dict:
    """One repeat."""
    spans = []
    for _ in range(calls):
        before = perf_counter_ns()
        call()
        spans.append(perf_counter_ns() - before)
    spans.sort()
    return {"median_us": spans[calls // 2] / 1000, "p99_us": spans[calls * 99 // 100] / 1000}


def main() -> None:
    """Both cases."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as home:
        os.environ["DESKSIDE_HOME"] = home
        os.environ.pop("DESKSIDE_RUN", None)
        before = perf_counter_ns()
        import deskside

        imported = (perf_counter_ns() - before) / 1e6
        deskside.init(experiment="bench")
        ten = {f"metric/{number}": float(number) for number in range(10)}
        deskside.log({"train/loss": 0.5, **ten})
        result = {
            "calls": calls,
            "import_ms": imported,
            "one_key": [measure(lambda: deskside.log({"train/loss": 0.5}), calls) for _ in range(3)],
            "ten_keys": [measure(lambda: deskside.log(ten), calls) for _ in range(3)],
        }
        deskside.finish()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
