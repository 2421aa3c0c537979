"""Runs what a command does on a reactor, and shows its errors as click shows errors."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.task import react


def run(command: Callable[[Any], Coroutine[Deferred[Any], Any, None]]) -> None:
    """Run `command(reactor)` to its end, and exit with its code: 0, or that of the ClickException it raised."""

    async def shown(reactor: Any) -> None:
        try:
            await command(reactor)
        except click.ClickException as error:
            error.show()
            raise SystemExit(error.exit_code) from None

    react(lambda reactor: Deferred.fromCoroutine(shown(reactor)), ())
