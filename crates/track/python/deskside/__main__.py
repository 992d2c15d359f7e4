"""``python -m deskside``: the version, and where runs go."""

import os
import sys

from deskside import StoreError, __version__
from deskside._store import runs_folder


def main() -> int:
    """Prints both; exit code 1 when there is no place for runs."""
    print(f"deskside {__version__}")
    adopted = os.environ.get("DESKSIDE_RUN")
    if adopted:
        print(f"run      {adopted} (DESKSIDE_RUN)")
    try:
        print(f"runs     {runs_folder()}")
    except StoreError as error:
        print(f"deskside: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
