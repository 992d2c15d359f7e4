"""``state``: where a run is in its life, written by the process that is the run itself.

Only for runs that training code makes; under ``deskside run`` the program that started it writes it.
"""

from __future__ import annotations

import os
import sys
from typing import List, Optional, Tuple

from ._store import quoted, replace, timestamp


def process_identity() -> Tuple[int, int, str]:
    """This process's number, its start time and the boot: enough to tell it from a later one with the same number.

    Start time in clock ticks since boot (Linux, field 22 of ``/proc/self/stat``) or microseconds of
    the epoch (macOS). Raises OSError.
    """
    pid = os.getpid()
    if sys.platform == "darwin":
        return pid, _start_time_on_macos(pid), ""
    with open("/proc/self/stat", "rb") as file:
        start = int(file.read().rpartition(b")")[2].split()[19])
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return pid, start, file.read().strip()


def _start_time_on_macos(pid: int) -> int:
    """``proc_pidinfo`` with ``PROC_PIDTBSDINFO``: struct proc_bsdinfo of <sys/proc_info.h>, start time at byte 120."""
    import ctypes
    import struct

    information = ctypes.create_string_buffer(136)
    library = ctypes.CDLL("/usr/lib/libproc.dylib", use_errno=True)
    if library.proc_pidinfo(pid, 3, ctypes.c_uint64(0), information, 136) != 136:
        raise OSError(ctypes.get_errno(), "proc_pidinfo failed")
    seconds, microseconds = struct.unpack_from("<QQ", information.raw, 120)
    return int(seconds * 1_000_000 + microseconds)


def write_running(folder: str, started_ns: int) -> None:
    """The process runs. Raises OSError."""
    pid, start, boot = process_identity()
    replace(
        os.path.join(folder, "state"),
        f'state = "running"\nstarted_at = {quoted(timestamp(started_ns))}\n\n'
        f"[process]\npid = {pid}\nstart_time = {start}\nboot_id = {quoted(boot)}\n",
    )


def write_ended(folder: str, state: str, exit_line: str, started_ns: int, ended_ns: int) -> None:
    """The process ended, as ``finished`` or ``stopped``; synced to disk. Raises OSError."""
    replace(
        os.path.join(folder, "state"),
        f"state = {quoted(state)}\n{exit_line}\n"
        f"started_at = {quoted(timestamp(started_ns))}\nended_at = {quoted(timestamp(ended_ns))}\n",
        durable=True,
    )


class ExitWatch:
    """Notices how the interpreter is about to end: ``sys.exit(n)``, an uncaught exception, Ctrl-C.

    A bare ``raise SystemExit(n)`` cannot be seen from inside and counts as 0.
    """

    def __init__(self) -> None:
        self.code = 0
        self.interrupted = False
        self._size: Optional[int] = None
        self._exit = sys.exit
        self._hook = sys.excepthook
        sys.exit = self._on_exit  # type: ignore[assignment]
        sys.excepthook = self._on_exception

    def _on_exit(self, status: object = None) -> None:
        from . import _log

        self.code = 0 if status is None else status & 0xFF if isinstance(status, int) else 1
        self._size = _log.written_bytes()
        self._exit(status)  # type: ignore[arg-type]

    def _on_exception(self, kind, value, trace) -> None:  # type: ignore[no-untyped-def]
        self.interrupted = issubclass(kind, KeyboardInterrupt)
        self.code = 1
        self._size = None
        self._hook(kind, value, trace)

    def forget(self) -> None:
        """Puts back what was replaced, where nobody else has replaced it since."""
        if sys.exit == self._on_exit:
            sys.exit = self._exit
        if sys.excepthook == self._on_exception:
            sys.excepthook = self._hook

    def ending(self) -> List[str]:
        """The state and its exit line."""
        from . import _log

        if self.interrupted:
            return ["stopped", "signal = 2"]
        if self._size is not None and self._size != _log.written_bytes():
            self.code = 0  # something was logged after sys.exit: somebody had caught it
        return ["finished", f"exit_code = {self.code}"]
