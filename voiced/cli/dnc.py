"""`voiced dnc`: who has opted out of being called, for the operator to look at, and to change.

The list is in the daemon's database, and in the memory of a daemon that runs, which reads it at the start. So looking
works at any time, and changing needs a daemon that is stopped: it would not notice a change of the file. There is no
route of the API for it: an API key is for calling people, and not for deciding whose word counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from voiced.call.dialplan import plain
from voiced.cli.configured import config_option, load
from voiced.errors import Refused, StoreError
from voiced.guard.destinations import destination
from voiced.ikept import IOptedOut, OptedOut
from voiced.store.lock import InUse
from voiced.store.optedout import listed
from voiced.store.store import FILE, open_store


@click.group()
def dnc() -> None:
    """Who has opted out of being called: their numbers are refused by the rule `dnc`, on every account, for good.

    `list` works beside a daemon that runs; stop it for `add` and `remove`, and all who share its data.
    """


@dnc.command("list")
@config_option
def show(config: str | None) -> None:
    """Print the numbers, each with when, how and on which call: a file as `outbound.dnc` wants it."""
    try:
        people = listed(store_of(config))
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    for each in people:
        click.echo(line_of(each))


@dnc.command()
@click.argument("number")
@config_option
def add(number: str, config: str | None) -> None:
    """Put NUMBER on the list (E.164: +14155550100)."""
    who = checked(number)
    new = OptedOut(who, time.time(), "operator")
    changed(config, lambda people: people.keep([new]))
    click.echo(f"{who} is on the list: nobody calls it any more")


@dnc.command()
@click.argument("number")
@config_option
def remove(number: str, config: str | None) -> None:
    """Take NUMBER off the list: when its owner has told you that they want to be called again."""
    who = checked(number)
    if not changed(config, lambda people: people.forget(who)):
        raise click.ClickException(f"{who} is not on the list: `voiced dnc list` shows who is")
    click.echo(f"{who} is off the list, and may be called again")


def store_of(config: str | None) -> Path:
    """The daemon's database, by these settings."""
    _, configuration = load(config)
    return configuration.settings.data.absolute() / FILE


def checked(number: str) -> str:
    """This number in the form in which it is listed; UsageError where it is none."""
    try:
        found = destination(plain(number))
    except Refused:
        found = None
    if found is None or found.host:
        raise click.UsageError(f"{number!r} is no telephone number: one begins with + and its country, +14155550100")
    return found.who


def line_of(each: OptedOut) -> str:
    """Somebody on the list, as a line of a do-not-call file: the number, and a comment."""
    when = datetime.fromtimestamp(each.at, UTC).isoformat(timespec="seconds")
    return f"{each.number}  # {when} {each.how} {each.call}".rstrip()


def changed(config: str | None, change: Callable[[IOptedOut], Deferred[bool] | Deferred[None]]) -> bool | None:
    """What the change gives, once it is on the disk; ends the tool where a daemon has the list, or the disk fails."""
    path = store_of(config)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"the data directory {path.parent} cannot be made ({error.strerror})"
        raise click.ClickException(f"{why}: `data:` in voiced.yaml names another") from None
    given: list[bool | Failure | None] = []
    try:
        store = open_store(path, maybeDeferred, Clock())
        try:
            change(store.opted_out).addBoth(given.append)
        finally:
            store.close()
        if isinstance(given[0], Failure):
            given[0].raiseException()
    except InUse as error:
        hint = "(While a daemon runs, the list can only be looked at: stop it, change the list, start it again.)"
        raise click.ClickException(f"{error}\n{hint}") from None
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    return given[0]
