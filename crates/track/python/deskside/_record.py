"""``config`` and ``summary``: dicts whose every assignment is in a JSON file when it returns."""

from __future__ import annotations

import _thread
import os
from collections.abc import MutableMapping
from typing import Any, Callable, Dict, Iterator, Optional

from . import _log
from ._secrets import shown_item
from ._store import replace


class Record(MutableMapping):  # type: ignore[type-arg]
    """A dict kept in a file of the run folder; ``record.lr`` is ``record["lr"]``.

    Values are numbers, texts, bools, None, and lists and dicts of them; a tensor or array with one
    element becomes a number. NaN and infinities are kept as the texts "NaN", "Infinity" and
    "-Infinity", which JSON has no numbers for. Several processes of a run may assign: each changes
    only its own keys of the file. A full disk raises nothing; it is told on stderr, and the values
    are written with the next assignment that succeeds, or at the end.

    What looks like a secret, by its name (``api_key``) or by its looks (``hf_...``), is ``***`` in the
    file; the record itself still gives it to the code that set it.
    """

    def __init__(self, file_name: str, folder: Callable[[], str]) -> None:
        object.__setattr__(self, "_file_name", file_name)
        object.__setattr__(self, "_folder", folder)
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_unsaved", {})
        object.__setattr__(self, "_complained", False)
        self._new_guard()
        if hasattr(os, "register_at_fork"):
            # The thread that held it may not be there in the child.
            os.register_at_fork(after_in_child=self._new_guard)

    def _new_guard(self) -> None:
        object.__setattr__(self, "_guard", _thread.RLock())

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        with self._guard:
            del self._values[key]
            self._unsaved[key] = _GONE
            self._save()

    def update(self, *others: Any, **more: Any) -> None:
        """Assigns several at once, with one write."""
        values = dict(*others, **more)
        for key in values:
            if not isinstance(key, str) or not key:
                raise TypeError(f"a key must be a str that is not empty, not {key!r}")
        plain = {key: shown_item(key, _plain(key, value)) for key, value in values.items()}
        if not plain:
            return
        self._folder()  # makes the run where there is none, before anything is kept
        with self._guard:
            self._values.update(values)
            self._unsaved.update(plain)
            self._save()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"{name!r} is not set; there is: {', '.join(self._values) or 'nothing yet'}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def _load(self, folder: Optional[str]) -> None:
        """Begins anew: with what the file of a run holds, or with nothing."""
        self._values.clear()
        self._unsaved.clear()
        object.__setattr__(self, "_complained", False)
        if folder is not None:
            self._values.update(_read(os.path.join(folder, self._file_name)))

    def _save(self) -> None:
        """Writes what is not in the file yet. One thread at a time; other processes are kept out by a file lock."""
        with self._guard:
            self._save_guarded()

    def _save_guarded(self) -> None:
        if not self._unsaved:
            return
        import json

        folder = self._folder()
        path = os.path.join(folder, self._file_name)
        try:
            lock = _Lock(folder)
            try:
                content = _read(path)
                for key, value in self._unsaved.items():
                    if value is _GONE:
                        content.pop(key, None)
                    else:
                        content[key] = value
                replace(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
                self._unsaved.clear()
            finally:
                lock.release()
        except OSError as error:
            if not self._complained:
                object.__setattr__(self, "_complained", True)
                _log.complain(f"{path} could not be written: {error.strerror or error}. Training goes on; it is tried again later.")


_GONE = object()


def _read(path: str) -> Dict[str, Any]:
    """A JSON object, or nothing where there is none that can be read."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


class _Lock:
    """A lock on the run folder among the processes of a run; where the file system has none, none."""

    def __init__(self, folder: str) -> None:
        self._fd = os.open(folder, os.O_RDONLY)
        try:
            import fcntl

            fcntl.flock(self._fd, fcntl.LOCK_EX)
        except (OSError, ImportError):
            pass

    def release(self) -> None:
        os.close(self._fd)


def _plain(key: str, value: Any, depth: int = 0) -> Any:
    """A value as JSON can hold it. Raises TypeError that names the key."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
        return float(value)
    if depth > 20:
        raise TypeError(f"could not keep {key!r}: it is nested too deeply")
    if isinstance(value, dict):
        return {str(name): _plain(key, inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(key, inner, depth + 1) for inner in value]
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if type(value).__module__ == "argparse":
        return _plain(key, vars(value), depth + 1)
    try:
        item = value.item() if hasattr(value, "item") else float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"could not keep {key!r}: a {type(value).__name__} is no number, text, list or dict ({error}); "
            "convert it first, for example with str()"
        ) from None
    return _plain(key, item, depth + 1)
