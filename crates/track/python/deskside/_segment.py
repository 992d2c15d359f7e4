"""The metric segment, version 1: fixed records of 24 bytes, little endian, appended by one process.

``docs/run-folder.md`` of the project describes every byte. One ``os.write`` to a descriptor opened
with ``O_APPEND`` adds a whole batch, so two threads never mix their records.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import Dict

RECORD = 24
SYNC = 0xD5
KIND_HEADER = 1
KIND_SCALAR = 2
KIND_KEY = 3
KIND_KEY_MORE = 4
VERSION = 1
MAGIC = bytes([KIND_HEADER, SYNC]) + b"DSKSEG"

#: Different names one process can log.
MOST_KEYS = 65_535
#: Characters of a name.
LONGEST_NAME = 250
#: Milliseconds that fit a record, 49.7 days; after that a new segment begins.
MOST_MILLISECONDS = 0xFFFF_FFFF

#: kind, sync, key, milliseconds since the base time, step, value
pack_scalar = struct.Struct("<BBHIqd").pack
_pack_header = struct.Struct("<8sHHIq").pack
_pack_key = struct.Struct("<BBHHH16s").pack
_pack_key_more = struct.Struct("<BBH20s").pack


def header(pid: int, base_ns: int) -> bytes:
    """The first record: magic, version, the writer's number, and the time all others count from."""
    return _pack_header(MAGIC, VERSION, 0, pid, base_ns)


def key_definition(key: int, name: bytes) -> bytes:
    """The records that give a key its name; they stand before its first use."""
    records = [_pack_key(KIND_KEY, SYNC, key, len(name), 0, name[:16])]
    records += [_pack_key_more(KIND_KEY_MORE, SYNC, key, name[at : at + 20]) for at in range(16, len(name), 20)]
    return b"".join(records)


class Segment:
    """An open segment file. Descriptor and base time never change, so that a thread that holds one is safe."""

    __slots__ = ("base_ms", "fd", "keys", "path", "reserved", "step")

    def __init__(self, folder: str, now_ns: int, step: int) -> None:
        """Makes the file in the metrics folder.

        Raises OSError.
        """
        pid = os.getpid()
        self.base_ms = now_ns // 1_000_000
        #: Names that are defined in the file.
        self.keys: Dict[str, int] = {}
        #: Names that have a number, defined or not yet.
        self.reserved: Dict[str, int] = {}
        #: The step logged last.
        self.step = step
        self.path = os.path.join(folder, f"{self.base_ms}-{pid}-{os.urandom(4).hex()}.seg")
        os.makedirs(folder, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self.fd = os.open(self.path, flags, 0o644)
        first = header(pid, self.base_ms * 1_000_000)
        try:
            if os.write(self.fd, first) != len(first):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        except OSError:
            os.close(self.fd)
            os.unlink(self.path)
            raise
