"""``init`` and ``finish``: which run this process belongs to, and its beginning and end."""

from __future__ import annotations

import atexit
import errno
import os
import sys
from time import time_ns
from typing import Any, Mapping, Optional

from . import _log
from ._record import Record
from ._state import ExitWatch, write_ended, write_running
from ._store import StoreError, new_folder, replace, run_toml, texts, unusable

#: The run this process logs to; none before the beginning and after ``finish``.
_run: Optional["Run"] = None
_finished = False


class Run:
    """A run: its identity and its folder. Leaving it as a context manager finishes it."""

    def __init__(self, folder: str, owner: int, started_ns: int) -> None:
        #: Its identity, for example ``20261125-150102-k7mq``.
        self.id: str = os.path.basename(folder)
        #: Its folder.
        self.folder: str = folder
        self._owner = owner  # the process that writes `state`; 0 when the program does
        self._started_ns = started_ns
        self._exits: Optional[ExitWatch] = None

    @property
    def config(self) -> Record:
        """Its parameters."""
        return config

    @property
    def summary(self) -> Record:
        """Its results."""
        return summary

    def log(self, metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
        """As ``deskside.log``."""
        _log.log(metrics, step)

    def finish(self, exit_code: int = 0) -> None:
        """As ``deskside.finish``."""
        if _run is self:
            finish(exit_code)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        self.finish(0 if kind is None else 1)

    def __repr__(self) -> str:
        return f"<deskside run {self.id}>"


def init(
    name: Optional[str] = None,
    experiment: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
) -> Run:
    """Begins the run of this process, or returns the one that goes on already, with params and tags added.

    Under ``deskside run`` it is the run that command made; names given on its command line win over
    the ones given here. Otherwise a run is made in the store: ``DESKSIDE_HOME``, or the person's
    data folder.

    Raises StoreError when the folder can't be made or found; TypeError for params that can't be kept.
    """
    global _run, _finished
    with _log._lock:
        tag_texts = texts(tags, "tags")
        run = _run
        if run is None:
            folder = os.environ.get("DESKSIDE_RUN", "")
            run = _adopt(folder) if folder else _create(name, experiment, tag_texts)
            # Once the run can be seen, other threads assign: what its files hold is read before.
            config._load(run.folder)
            summary._load(run.folder)
            _run, _finished = run, False
            made = not folder
        else:
            made = False
        if not made:
            _say_more(run, name, experiment, tag_texts)
        if params:
            config.update(params)
        return run


def _adopt(folder: str) -> Run:
    """The run that ``deskside run``, or the parent process, made."""
    if not os.path.isfile(os.path.join(folder, "run.toml")):
        raise StoreError(
            errno.ENOENT,
            f"DESKSIDE_RUN names {folder}, which is no run folder; unset it to make a new run (`unset DESKSIDE_RUN`)",
        )
    return Run(os.path.abspath(folder), 0, time_ns())


def _create(name: Optional[str], experiment: Optional[str], tags: Mapping[str, str]) -> Run:
    """A run of this process's own."""
    now = time_ns()
    folder = new_folder(now)
    run = Run(folder, os.getpid(), now)
    named = os.environ.get("DESKSIDE_NAME") or name or _script_name()
    group = os.environ.get("DESKSIDE_EXPERIMENT") or experiment or "default"
    try:
        # `state` first: a folder without `run.toml` is no run yet, one with it always has a state.
        write_running(folder, now)
        replace(os.path.join(folder, "run.toml"), run_toml(run.id, str(named), str(group), now, tags))
    except OSError as error:
        for leftover in ("run.toml", "state"):
            try:
                os.unlink(os.path.join(folder, leftover))
            except OSError:
                pass
        try:
            os.rmdir(folder)
        except OSError:
            pass
        raise unusable(os.path.dirname(folder), error) from None
    os.environ["DESKSIDE_RUN"] = folder  # so that processes this one starts log to the same run
    run._exits = ExitWatch()
    atexit.register(_at_exit, run)
    return run


def _script_name() -> str:
    script = sys.argv[0] if sys.argv else ""
    stem = os.path.splitext(os.path.basename(script))[0]
    if stem == "__main__":
        stem = os.path.basename(os.path.dirname(os.path.abspath(script)))
    return stem if stem and stem not in ("-c", "-m") else "python"


def _say_more(run: Run, name: Optional[str], experiment: Optional[str], tags: Mapping[str, str]) -> None:
    """Names and tags said after the run was made go into ``details.json``, which wins over ``run.toml``."""
    details = Record("details.json", lambda: run.folder)
    details._load(run.folder)
    said: dict = {}
    if name is not None and not os.environ.get("DESKSIDE_NAME"):
        said["name"] = str(name)
    if experiment is not None and not os.environ.get("DESKSIDE_EXPERIMENT"):
        said["experiment"] = str(experiment)
    if tags:
        before = details.get("tags")
        said["tags"] = {**(before if isinstance(before, dict) else {}), **tags}
    if said:
        details.update(said)


def finish(exit_code: int = 0) -> None:
    """Ends the run; a later ``init`` begins another. Not needed at a script's end: it happens by itself.

    Does nothing when no run goes on. Under ``deskside run`` the exit code is the process's own, not this one.
    """
    global _run, _finished
    with _log._lock:
        run = _run
        if run is None:
            return
        _settle()
        if run._owner == os.getpid():
            _write_end(run, "finished", f"exit_code = {int(exit_code)}")
            atexit.unregister(_at_exit)
            if run._exits is not None:
                run._exits.forget()
            if os.environ.get("DESKSIDE_RUN") == run.folder:
                del os.environ["DESKSIDE_RUN"]
        _log.close()
        _run, _finished = None, True


def _settle() -> None:
    """Writes what is not written yet, and says what never will be."""
    lost, reason = _log.dropped()
    if lost:
        _log.complain(f"{lost} points of this run were not written: {reason}")
        before = summary.get("deskside/dropped_points")
        summary["deskside/dropped_points"] = lost + (before if isinstance(before, int) else 0)
    summary._save()
    config._save()


def _write_end(run: Run, state: str, exit_line: str) -> None:
    try:
        write_ended(run.folder, state, exit_line, run._started_ns, time_ns())
    except OSError as error:
        _log.complain(f"the end of run {run.id} could not be written: {error.strerror or error}")


def _at_exit(run: Run) -> None:
    """The interpreter ends and nobody called ``finish``. Logging stays possible for other exit functions."""
    if _run is run and run._owner == os.getpid() and run._exits is not None:
        _settle()
        _write_end(run, *run._exits.ending())


def _at_exit_adopted() -> None:
    """The interpreter ends: losses are told, also where the program writes the state."""
    if _run is not None and _run._owner != os.getpid():
        _settle()


atexit.register(_at_exit_adopted)


def _folder() -> str:
    """The folder of the run that goes on; makes a run where there was none yet."""
    run = _run
    if run is None:
        if _finished:
            raise RuntimeError("the run is finished; call deskside.init() to begin another")
        run = init()
    return run.folder


def _metrics_folder() -> str:
    return os.path.join(_folder(), "metrics")


#: The parameters of the run: a dict with attribute access, kept in ``params.json``.
config = Record("params.json", _folder)
#: The results of the run: a dict with attribute access, kept in ``summary.json``.
summary = Record("summary.json", _folder)
_log._folder = _metrics_folder
