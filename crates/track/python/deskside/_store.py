"""Where runs lie, and making the folder of one. The same rules as the program's."""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import Any, Dict, List, Mapping, Optional

from ._secrets import shown_command, shown_named, shown_value

RUN_FOLDER_VERSION = 1
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class StoreError(OSError):
    """A run's folder cannot be made or found. The message says which and what to do."""


def data_folder() -> str:
    """The folder of runs and their index: ``DESKSIDE_HOME``, else ``XDG_DATA_HOME``, else below ``HOME``.

    Raises StoreError when none of them says where.
    """
    moved = os.environ.get("DESKSIDE_HOME", "")
    if moved:
        return os.path.join(os.path.abspath(moved), "data")
    home = os.environ.get("HOME", "")
    if not home.startswith("/"):
        raise StoreError(
            errno.ENOENT,
            "could not find the home folder: HOME is not set to an absolute path; "
            "set DESKSIDE_HOME=/some/folder to keep runs there",
        )
    data = os.environ.get("XDG_DATA_HOME", "")
    return os.path.join(data if data.startswith("/") else os.path.join(home, ".local/share"), "deskside")


def runs_folder() -> str:
    """The folder of run folders. Raises StoreError."""
    return os.path.join(data_folder(), "runs")


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC, with microseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06d}Z"


def new_folder(created_ns: int) -> str:
    """Makes a run's folder under a fresh identity, ``YYYYMMDD-HHMMSS-xxxx``. Raises StoreError."""
    runs = runs_folder()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created_ns // 1_000_000_000))
    try:
        os.makedirs(runs, exist_ok=True)
        for _ in range(100):
            tail = "".join(_ALPHABET[byte & 31] for byte in os.urandom(4))
            folder = os.path.join(runs, f"{stamp}-{tail}")
            try:
                os.mkdir(folder)
                return folder
            except FileExistsError:
                continue
        raise OSError(errno.EEXIST, "no free name was found")
    except OSError as error:
        raise unusable(runs, error) from None


def unusable(path: str, error: OSError) -> StoreError:
    """The error of a store that can't be written, with what to do."""
    hint = "set DESKSIDE_HOME=/some/folder to keep runs in a place that can be written"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space (`df -h` and `df -i` show what is full)"
    return StoreError(error.errno or errno.EIO, f"could not make a run in {path}: {error.strerror or error}; {hint}")


def replace(path: str, text: str, durable: bool = False) -> None:
    """Replaces a file whole: written beside it, then renamed over it. Raises OSError."""
    beside = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
    try:
        with open(beside, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        try:
            os.unlink(beside)
        except OSError:
            pass
        raise


def quoted(text: str) -> str:
    """A TOML basic string."""
    parts = ['"']
    for character in text:
        if character in '"\\':
            parts.append("\\" + character)
        elif character < " " or character == "\x7f":
            parts.append(f"\\u{ord(character):04x}")
        elif "\ud800" <= character <= "\udfff":
            parts.append("\ufffd")
        else:
            parts.append(character)
    parts.append('"')
    return "".join(parts)


def command_line() -> List[str]:
    """This process's command line, program first, secrets left out."""
    words = list(getattr(sys, "orig_argv", None) or [sys.executable or "python", *sys.argv])
    return shown_command(words)


def run_toml(run_id: str, name: str, experiment: str, created_ns: int, tags: Mapping[str, str]) -> str:
    """``run.toml`` of a run that training code makes itself."""
    lines = [
        f"version = {RUN_FOLDER_VERSION}",
        f"id = {quoted(run_id)}",
        f"name = {quoted(shown_value(name))}",
        f"experiment = {quoted(shown_value(experiment))}",
        f"created_at = {quoted(timestamp(created_ns))}",
        f"argv = [{', '.join(quoted(word) for word in command_line())}]",
        f"working_directory = {quoted(_working_directory())}",
        "",
    ]
    if tags:
        lines += ["[tags]", *(f"{quoted(key)} = {quoted(value)}" for key, value in tags.items()), ""]
    lines += ["[place]", 'kind = "here"', ""]
    return "\n".join(lines)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def texts(values: Optional[Mapping[str, Any]], what: str) -> Dict[str, str]:
    """Tags as texts, secrets hidden. Raises TypeError."""
    if values is None:
        return {}
    if not hasattr(values, "items"):
        raise TypeError(f"{what} must be a dict, not {type(values).__name__}")
    return {str(key): shown_named(str(key), str(value)) for key, value in values.items()}
