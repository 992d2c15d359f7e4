"""``log``: one ``os.write`` per call, and what happens when that cannot be done.

The fast path takes no lock and touches one :class:`Segment` only. Everything unusual (the first
call, a new name, an odd value, a clock that jumped, a fork) goes through ``_unusual``, which does.
"""

from __future__ import annotations

import os
import sys
import threading
from os import write
from time import time, time_ns
from typing import Any, Callable, List, Mapping, Optional, Tuple

from ._segment import (
    KIND_SCALAR,
    LONGEST_NAME,
    MOST_KEYS,
    MOST_MILLISECONDS,
    RECORD,
    SYNC,
    Segment,
    key_definition,
    pack_scalar,
)

_segment: Optional[Segment] = None
_step = -1
_lock = threading.RLock()
_dropped = 0
_reason = ""
_folder: Callable[[], str]


def log(metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
    """Writes the values of one step. When it returns they are in the file.

    ``metrics`` maps names (at most 250 characters) to numbers: int, float, bool, or anything that
    ``float()`` takes, such as a tensor with one element. NaN and infinities are kept. Without
    ``step`` it is the last one plus one, beginning at 0.

    Raises TypeError or ValueError for a name, value or step that cannot be logged, and then writes
    nothing of the call; StoreError when a run has to be made first and cannot be; RuntimeError
    after ``finish``. A disk that fills up later raises nothing: training goes on, the points are
    counted and told on stderr.
    """
    segment = _segment
    try:
        counted = segment.step + 1 if step is None else step
        delta = int(time() * 1000.0) - segment.base_ms
        keys = segment.keys
        data = b"".join([pack_scalar(KIND_SCALAR, SYNC, keys[name], delta, counted, metrics[name]) for name in metrics])
    except Exception:  # whatever it was, the slow path says it in words or mends it
        _unusual(metrics, step)
        return
    segment.step = counted
    try:
        written = write(segment.fd, data)
    except OSError as error:
        _refused(segment, len(metrics), error)
        return
    if written != len(data):
        _refused(segment, len(metrics) - written // RECORD, None)


def _unusual(metrics: Mapping[str, Any], step: Optional[int]) -> None:
    """The whole of ``log`` with every check, under the lock."""
    global _segment
    numbers = _numbers(metrics)
    with _lock:
        now = time_ns()
        segment = _segment
        if segment is None or not 0 <= now // 1_000_000 - segment.base_ms <= MOST_MILLISECONDS:
            folder = _folder()
            last = segment.step if segment is not None else _step
            try:
                # The old file stays open: another thread may be about to write to it.
                segment = _segment = Segment(folder, now, last)
            except OSError as error:
                _count(len(numbers), error)
                return
        counted = _step_number(segment.step + 1 if step is None else step)
        delta = now // 1_000_000 - segment.base_ms
        definitions: List[bytes] = []
        fresh: List[Tuple[str, int]] = []
        scalars: List[bytes] = []
        for name, value in numbers:
            key = segment.keys.get(name)
            if key is None:
                encoded = _name_bytes(name)
                key = segment.reserved.setdefault(name, len(segment.reserved))
                if key >= MOST_KEYS:
                    del segment.reserved[name]
                    raise ValueError(
                        f"could not log {name!r}: this process has logged {MOST_KEYS:,} different names already; "
                        "put the part that changes into `step`, or log fewer names"
                    )
                definitions.append(key_definition(key, encoded))
                fresh.append((name, key))
            scalars.append(pack_scalar(KIND_SCALAR, SYNC, key, delta, counted, value))
        segment.step = counted
        before = b"".join(definitions)
        data = before + b"".join(scalars)
        try:
            written = write(segment.fd, data)
        except OSError as error:
            _refused(segment, len(numbers), error)
            return
        if written != len(data):
            _refused(segment, len(numbers) - max(0, written - len(before)) // RECORD, None)
        if written >= len(before):
            segment.keys.update(fresh)


def _numbers(metrics: Mapping[str, Any]) -> List[Tuple[str, float]]:
    """Names with their values as floats, or an error that names the one that is wrong."""
    try:
        items = list(metrics.items())
    except AttributeError:
        raise TypeError(
            f'log takes a dict of names and numbers, as in deskside.log({{"train/loss": 0.5}}), not {type(metrics).__name__}'
        ) from None
    numbers = []
    for name, value in items:
        if not isinstance(name, str):
            raise TypeError(f"a metric's name must be a str, not {type(name).__name__} ({name!r})")
        if isinstance(value, (str, bytes, bytearray)):
            raise TypeError(
                f"could not log {name!r}: its value is the text {value!r}, not a number; "
                "put texts into deskside.summary or deskside.config"
            )
        try:
            numbers.append((name, float(value)))
        except OverflowError:
            raise ValueError(f"could not log {name!r}: {value!r} is beyond what a float can hold") from None
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(
                f"could not log {name!r}: float() of its {type(value).__name__} failed ({error}); "
                "log one number per name, for example value.mean() or value.item()"
            ) from None
    return numbers


def _name_bytes(name: str) -> bytes:
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"a metric's name has 1 to {LONGEST_NAME} characters; {name[:40]!r} has {len(name)}")
    if any(character < " " or character == "\x7f" for character in name):
        raise ValueError(f"a metric's name has no control characters: {name!r}")
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"a metric's name must be text that UTF-8 can hold: {name!r}") from None


def _step_number(step: Any) -> int:
    """The step as a whole number of 64 bits."""
    try:
        number = int(step)
        if isinstance(step, (str, bytes)) or number != step:
            raise TypeError
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise TypeError(f"step must be a whole number, not {step!r}") from None
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"step must fit 64 bits: {step!r}")
    return number


def _refused(segment: Segment, missing: int, error: Optional[OSError]) -> None:
    """Cuts a half-written record off again and counts what is missing. Training goes on."""
    with _lock:
        try:
            size = os.fstat(segment.fd).st_size
            if size % RECORD:
                os.ftruncate(segment.fd, size - size % RECORD)
        except OSError:
            pass  # the reader skips a torn record
        _count(missing, error)


def _count(points: int, error: Optional[OSError]) -> None:
    """Counts points that are lost, and says so the first time."""
    global _dropped, _reason
    first = _dropped == 0
    _dropped += points
    if first and points:
        _reason = (error.strerror or str(error)) if error is not None else "No space left on device"
        complain(f"metrics are not being written: {_reason}. Training goes on; free some space to have the next ones kept.")


def complain(message: str) -> None:
    """A line on stderr, whatever state stderr is in."""
    try:
        sys.stderr.write(f"deskside: {message}\n")
        sys.stderr.flush()
    except Exception:
        pass


def dropped() -> Tuple[int, str]:
    """Points of this run that this process could not write, and why."""
    return _dropped, _reason


def written_bytes() -> int:
    """The size of the segment that is open, to see whether anything was logged since."""
    segment = _segment
    try:
        return os.fstat(segment.fd).st_size if segment is not None else 0
    except OSError:
        return 0


def close() -> None:
    """Ends the segment: the next ``log`` begins a new one at step 0."""
    global _segment, _step, _dropped, _reason
    with _lock:
        segment, _segment, _step, _dropped, _reason = _segment, None, -1, 0, ""
        if segment is not None:
            try:
                os.close(segment.fd)
            except OSError:
                pass


def _after_fork_in_child() -> None:
    """A child writes a segment of its own and counts its own losses. Its lock may have been held by a thread that is gone."""
    global _segment, _step, _lock, _dropped, _reason
    _lock = threading.RLock()
    if _segment is not None:
        _step = _segment.step
        _segment = None  # the descriptor stays the parent's; closing it here would be allowed but is not needed
    _dropped, _reason = 0, ""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
