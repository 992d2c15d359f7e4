"""What the tests share: a store in a temporary folder, child processes, and a small reader of segments."""

from __future__ import annotations

import glob
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from typing import Dict, List, Tuple

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Store(unittest.TestCase):
    """A test with a store of its own."""

    def setUp(self) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        self.home = self._temporary.name
        self.addCleanup(self._temporary.cleanup)

    def environment(self, **more: str) -> Dict[str, str]:
        """The environment of a child: this store, the package under test, nothing inherited of Deskside's."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("DESKSIDE")}
        variables.update(DESKSIDE_HOME=self.home, PYTHONPATH=PACKAGE, **more)
        return variables

    def python(self, code: str, variables: Dict[str, str] | None = None, check: bool = True) -> subprocess.CompletedProcess:
        """Runs a script to its end."""
        result = subprocess.run(
            [sys.executable, "-c", code],
            env=variables or self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        if check:
            self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def runs(self) -> List[str]:
        """The run folders of the store."""
        return sorted(glob.glob(os.path.join(self.home, "data", "runs", "*")))

    def only_run(self) -> str:
        """The one run folder there is."""
        runs = self.runs()
        self.assertEqual(len(runs), 1, runs)
        return runs[0]

    def text(self, *parts: str) -> str:
        """A file of the only run."""
        with open(os.path.join(self.only_run(), *parts), encoding="utf-8") as file:
            return file.read()


def read_segment(path: str) -> List[Tuple[str, int, int, float]]:
    """Name, milliseconds, step, value of every scalar. Strict: anything odd is an AssertionError."""
    with open(path, "rb") as file:
        data = file.read()
    assert len(data) % 24 == 0, f"{path} ends in a torn record"
    assert data[:8] == b"\x01\xd5DSKSEG", data[:8]
    version, _flags, _pid, base_ns = struct.unpack_from("<HHIq", data, 8)
    assert version == 1
    names: Dict[int, bytes] = {}
    lengths: Dict[int, int] = {}
    points = []
    for at in range(24, len(data), 24):
        kind, sync, key = struct.unpack_from("<BBH", data, at)
        assert sync == 0xD5, f"no record at {at}"
        if kind == 2:
            delta, step, value = struct.unpack_from("<Iqd", data, at + 4)
            assert len(names[key]) == lengths[key]
            points.append((names[key].decode(), base_ns // 1_000_000 + delta, step, value))
        elif kind == 3:
            lengths[key] = struct.unpack_from("<H", data, at + 4)[0]
            names[key] = data[at + 8 : at + 24][: lengths[key]]
        elif kind == 4:
            names[key] += data[at + 4 : at + 24][: lengths[key] - len(names[key])]
        else:
            raise AssertionError(f"kind {kind} at {at}")
    return points


def read_points(folder: str) -> List[Tuple[str, int, int, float]]:
    """All points of a run folder, segment by segment."""
    return [point for path in sorted(glob.glob(os.path.join(folder, "metrics", "*.seg"))) for point in read_segment(path)]
