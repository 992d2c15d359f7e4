"""``state``: where a run is in its life, written by the process that is the run itself.

Only for runs that training code makes; under ``deskside run`` the program that started it writes it.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Dict, List, Optional, Tuple

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
    """Notices how the interpreter is about to end: ``sys.exit(n)``, ``raise SystemExit(n)``, an uncaught exception, Ctrl-C.

    Since Python 3.12 (PEP 669) the interpreter tells when an exception leaves the outermost frame; that costs some 150 ns for
    each frame that an exception leaves, and nothing else. Before, ``sys.exit``, ``exit`` and ``quit`` are replaced by functions
    that remember the code; a bare ``raise SystemExit(n)`` cannot be seen from inside there and counts as 0.
    """

    def __init__(self) -> None:
        self.code = 0
        self.interrupted = False
        self._size: Optional[int] = None
        self._exit = sys.exit
        self._hook = sys.excepthook
        self._replaced: Dict[str, object] = {}
        self._quitter: Optional[Tuple[type, object]] = None
        sys.excepthook = self._on_exception
        self._tool = self._monitor()
        if self._tool is None:
            self._replace_exits()

    def _monitor(self) -> Optional[int]:
        """The number of the monitoring tool that this is, or None where there is none to be had."""
        monitoring = getattr(sys, "monitoring", None)
        if monitoring is None:
            return None
        for tool in (4, 3):  # 0, 1, 2 and 5 are for debuggers, coverage, profilers and optimizers
            try:
                monitoring.use_tool_id(tool, "deskside")
            except ValueError:
                continue
            monitoring.register_callback(tool, monitoring.events.PY_UNWIND, self._on_unwind)
            monitoring.set_events(tool, monitoring.events.PY_UNWIND)
            return tool
        return None

    def _on_unwind(self, code: object, offset: int, error: BaseException) -> None:
        if isinstance(error, SystemExit) and sys._getframe(1).f_back is None:
            if threading.current_thread() is threading.main_thread():
                self.code = _exit_code(error.code)

    def _replace_exits(self) -> None:
        sys.exit = self._on_exit  # type: ignore[assignment]
        # `from sys import exit` in the script, before this.
        names = vars(sys.modules["__main__"]) if "__main__" in sys.modules else {}
        self._replaced = {name: value for name, value in names.items() if value is self._exit}
        names.update(dict.fromkeys(self._replaced, self._on_exit))
        try:
            from _sitebuiltins import Quitter  # what `exit` and `quit` are
        except ImportError:
            return
        call = Quitter.__call__
        watch = self

        def quit_(quitter: object, code: object = None) -> None:
            watch._remember(code)
            call(quitter, code)

        self._quitter = (Quitter, call)
        Quitter.__call__ = quit_  # type: ignore[method-assign]

    def _on_exit(self, status: object = None) -> None:
        self._remember(status)
        self._exit(status)  # type: ignore[arg-type]

    def _remember(self, status: object) -> None:
        from . import _log

        self.code = _exit_code(status)
        self._size = _log.written_bytes()

    def _on_exception(self, kind, value, trace) -> None:  # type: ignore[no-untyped-def]
        self.interrupted = issubclass(kind, KeyboardInterrupt)
        self.code = 1
        self._size = None
        self._hook(kind, value, trace)

    def forget(self) -> None:
        """Puts back what was replaced, where nobody else has replaced it since."""
        if self._tool is not None:
            sys.monitoring.set_events(self._tool, 0)  # type: ignore[attr-defined]
            sys.monitoring.free_tool_id(self._tool)  # type: ignore[attr-defined]
            self._tool = None
        if sys.exit == self._on_exit:
            sys.exit = self._exit
        names = vars(sys.modules["__main__"]) if "__main__" in sys.modules else {}
        names.update((name, value) for name, value in self._replaced.items() if names.get(name) == self._on_exit)
        if self._quitter is not None:
            quitter, call = self._quitter
            quitter.__call__ = call  # type: ignore[operator]
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


def _exit_code(status: object) -> int:
    """The exit code of a process that ends with a ``SystemExit`` of this code."""
    return 0 if status is None else status & 0xFF if isinstance(status, int) else 1
