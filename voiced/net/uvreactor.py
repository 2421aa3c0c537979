"""The reactor on uvloop's loop: Twisted's asyncio reactor, whose loop is written in C."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger

log = Logger()


class UvloopReactor(AsyncioSelectorReactor):
    """Twisted's reactor on a loop of uvloop's. `loop` is for the endpoints `uv:`, and for libraries of asyncio's."""

    def __init__(self) -> None:
        import uvloop

        self.loop = uvloop.new_event_loop()
        self.loop.set_exception_handler(_log)
        asyncio.set_event_loop(self.loop)
        super().__init__(self.loop)


def install() -> None:
    """Named by Twisted, for `--reactor=uvloop`. Raises ImportError where uvloop is not installed."""
    installReactor(UvloopReactor())


def prefer() -> bool:
    """Install it, unless there is a reactor (`twistd --reactor=…` wins) or no uvloop. Whether it was."""
    if "twisted.internet.reactor" in sys.modules:
        return False
    try:
        install()
    except ImportError:
        return False
    return True


def _log(loop: Any, trouble: dict[str, Any]) -> None:
    """What nobody caught on the loop goes where the operator looks."""
    error = trouble.get("exception")
    log.error("uvloop: {trouble} ({error!r})", trouble=trouble.get("message"), error=error)
