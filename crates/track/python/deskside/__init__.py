"""Track a training run: parameters, metrics and a summary, written to files on this machine.

    import deskside

    deskside.init(experiment="digits", params={"lr": 3e-4})
    for step in range(1000):
        deskside.log({"train/loss": loss}, step=step)
    deskside.summary["best/accuracy"] = 0.987

No server, no account, no thread: what a call of ``log`` returned from is in the file, even when
the process is killed right after. Under ``deskside run`` everything goes to the run that command
made; without it ``init`` (or the first ``log``) makes a run of its own.
"""

from ._log import log
from ._run import Run, config, finish, init, summary
from ._store import StoreError
from ._version import VERSION as __version__

__all__ = ["Run", "StoreError", "__version__", "config", "finish", "init", "log", "summary"]
