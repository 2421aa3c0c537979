"""`voiced top`: the live calls, in the terminal, as they go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from voiced.call.privacy import Privacy
from voiced.cli.apiclient import Api, Denied, LiveCall, LiveCalls, Unanswered
from voiced.cli.configured import config_option, load
from voiced.cli.interrupt import on_interrupt
from voiced.cli.reaching import address, key_option, url_option
from voiced.cli.running import run

EVERY = 1.0
"""Seconds between two looks."""
ARROWS = {"inbound": "<-", "outbound": "->"}


@click.command()
@config_option
@url_option
@key_option
@click.option("--once", is_flag=True, help="Print one table, and end.")
def top(config: str | None, url: str | None, key: str | None, once: bool) -> None:
    """Show the live calls: who, which flow and node, what is going on, which agent, how long. Ctrl-C ends it.

    Numbers are shown as the `privacy` setting has it (masked, where only --url is given). With a key that is for
    some flows only, their calls are shown.
    """
    settings = None if url and not config else load(config, outcome="the daemon was not asked")
    where = address(settings, url, key)
    privacy = settings[1].settings.plain.privacy if settings is not None else Privacy.MASKED
    console = Console()

    async def look(reactor: Any) -> None:
        api = where.api(reactor)
        if once:
            console.print(await shown(api, privacy))
        else:
            await watched(reactor, api, privacy, console)

    run(look)


async def shown(api: Api, privacy: Privacy) -> Group:
    """The live calls of now. Raises ClickException where they cannot be had."""
    try:
        return page(await api.live(), privacy)
    except Unanswered as error:
        raise click.ClickException(str(error)) from None
    except Denied as error:
        raise click.ClickException(no(error)) from None


async def watched(
    reactor: Any,
    api: Api,
    privacy: Privacy,
    console: Console,
    interrupted: Callable[[Any, Callable[[], object]], object] = on_interrupt,
) -> None:
    """The same each second, until `interrupted(reactor, f)` has `f()` called; a daemon that goes away may come back.

    Raises ClickException where it never was there, or does not let us look.
    """
    first = await shown(api, privacy)
    stop: list[None] = []
    waiting: list[Deferred[Any]] = []

    def told() -> None:
        stop.append(None)
        for each in waiting:
            each.cancel()

    interrupted(reactor, told)
    # Its own thread would draw while the reactor changes what is drawn.
    with Live(first, console=console, auto_refresh=False, transient=False) as live:
        while not stop:
            waiting[:] = [deferLater(reactor, EVERY, lambda: None)]
            await waiting[0].addErrback(lambda _: None)
            if not stop:
                live.update(await _next(api, privacy), refresh=True)


async def _next(api: Api, privacy: Privacy) -> Group:
    try:
        return page(await api.live(), privacy)
    except Unanswered as error:
        return Group(Text(f"{error}\n(it is asked again each second)"))
    except Denied as error:
        raise click.ClickException(no(error)) from None


def no(error: Denied) -> str:
    """Why the daemon does not let us look, and what to do."""
    if error.status == 401:
        return "the daemon does not know this key: give one of its `api.keys` as VOICED_API_KEY"
    return str(error)


def page(live: LiveCalls, privacy: Privacy) -> Group:
    """All of it."""
    count = len(live.calls)
    more = " (and more: these are the newest)" if live.before else ""
    head = Text(f"{count or 'no'} live call{'' if count == 1 else 's'}{more}")
    return Group(head, table(live.calls, privacy)) if live.calls else Group(head)


def table(calls: Sequence[LiveCall], privacy: Privacy) -> Table:
    """A row for each."""
    drawn = Table(box=None, pad_edge=False)
    for name in ("human", "", "number", "flow", "node", "now", "agent"):
        drawn.add_column(name, overflow="ellipsis", no_wrap=True)
    drawn.add_column("time", justify="right", no_wrap=True)
    for call in calls:
        inbound = call.direction == "inbound"
        human, ours = (call.caller, call.called) if inbound else (call.called, call.caller)
        arrow = ARROWS.get(call.direction, "")
        cells = (privacy.party(human), arrow, privacy.party(ours), call.flow, call.node, now(call), call.agent)
        drawn.add_row(*(Text(cell) for cell in (*cells, lasted(call.seconds))))  # a Text: [brackets] are no markup
    return drawn


def now(call: LiveCall) -> str:
    """What is going on."""
    if call.stage == "running":
        return call.verb or "between steps"
    return {
        "ringing": "ringing", "expected": "its audio is coming", "draining": "heard to its end",
        "away": "between streams", "dialled": "with somebody else", "parting": "parting",
    }.get(call.stage, call.stage)  # fmt: skip


def lasted(seconds: float | None) -> str:
    """65.4 -> 1:05."""
    whole = int(seconds or 0)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
