"""`python -m bench.soak`: thousands of calls on one daemon; exit code 1 when something is left of them."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from twisted.logger import globalLogBeginner

from bench.soak.report import tables, too_big
from bench.soak.soak import Soak

SHARED = Path("/dev/shm")  # noqa: S108 - tempfile makes the directory in it
"""Files in memory, where there are any: the soak is no test of the disk."""


def use_malloc() -> None:
    """Begin anew with the C library's own memory, which tells how much of it is in use: what is resident besides are
    the holes that busy hours have left.
    """
    if "PYTHONMALLOC" not in os.environ:
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "PYTHONMALLOC": "malloc"})  # noqa: S606 - ourselves


def main() -> int:
    """Run it; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument(
        "--calls", type=int, default=10_000, help="how many, after the warm-up (default: %(default)s)"
    )
    parser.add_argument("--warm-up", type=int, default=500, help="how many before (default: %(default)s)")
    parser.add_argument("--live", type=int, default=30, help="how many at once (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="of all that is drawn: it goes the same way again (default: %(default)s)"
    )
    parser.add_argument("--minutes", type=float, help="stop calling after so many minutes")
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True, help="whether to judge it")
    given = parser.parse_args()
    # Without this, Twisted keeps the last 65536 events for whoever observes later.
    globalLogBeginner.beginLoggingTo([lambda event: None], redirectStandardIO=False, discardBuffer=True)
    with tempfile.TemporaryDirectory(prefix="voiced-soak-", dir=SHARED if SHARED.is_dir() else None) as home:
        soak = Soak(Path(home), given.seed, lambda line: print(line, file=sys.stderr, flush=True))
        result = soak.run(given.calls, given.warm_up, given.live, given.minutes, memory=given.memory)
        soak.close()
    if given.memory:
        result.found.extend(too_big(result.before, result.after))
    print(tables(result))
    print("something is left" if result.found else "nothing is left")
    return 1 if result.found else 0


if __name__ == "__main__":
    use_malloc()
    sys.exit(main())
