"""The reactor on uvloop's loop: Twisted's asyncio reactor, whose loop is written in C."""

from __future__ import annotations

import asyncio
import select
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

    def _readOrWrite(self, selectable: Any, read: bool) -> None:
        """Named by Twisted, whose own connections (HTTP to vendors is on them) are read and written by this.

        uvloop (0.23, UVPoll._fatal_error) tells of a socket that the other side has reset once, and never again: what
        was sent before the reset, and the reset itself, are read at once, or nobody would learn of it.
        """
        super()._readOrWrite(selectable, read)
        while read and selectable in self._readers and _reset(self._readers[selectable]):
            super()._readOrWrite(selectable, read)


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


def _reset(descriptor: int) -> bool:
    """Whether there is an error on that socket, which reading it tells."""
    look = select.poll()
    look.register(descriptor, 0)
    return any(events & select.POLLERR for _, events in look.poll(0))


def _log(loop: Any, trouble: dict[str, Any]) -> None:
    """What nobody caught on the loop goes where the operator looks."""
    error = trouble.get("exception")
    log.error("uvloop: {trouble} ({error!r})", trouble=trouble.get("message"), error=error)
