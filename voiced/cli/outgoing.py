"""`voiced call --out`: the daemon calls somebody; we watch, or are the carrier and the one who is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import deferLater
from twisted.web.server import Site

from voiced.cli.apiclient import Api, Call, Denied, Unanswered, Wanted
from voiced.cli.cast import furnish, settle
from voiced.cli.interrupt import on_interrupt
from voiced.cli.ringing import CALLBACKS_SECONDS, Stage, account_of, carrier_for
from voiced.settings.address import local
from voiced.settings.load import Configuration
from voiced.simulator.call import SimulatedCall
from voiced.simulator.caller import Caller
from voiced.simulator.carrier import Carrier

LOOK_SECONDS = 0.5
"""From one look at a live call to the next."""
MOST_MISSED = 20
"""Looks in vain, after one another, after which we look no more."""


def simulated(configuration: Configuration, account: str | None) -> bool:
    """Whether the daemon with these settings looks for its carrier on this machine."""
    base = urlsplit(account_of(configuration, account).base_url or "")
    return base.scheme == "http" and local(base.hostname)


async def watched(
    reactor: Any,
    api: Api,
    wanted: Wanted,
    most: float,
    interrupted: Callable[[Any, Callable[[], object]], object] = on_interrupt,
) -> None:
    """Have somebody called and show what becomes of it, until it is over. Raises ClickException.

    Ctrl-C hangs up, and so do we after `most` seconds.
    """
    call_sid = await placed(api, wanted)
    click.echo(f"{call_sid}: the carrier has taken the call")

    def hang_up() -> None:
        click.echo("hanging up")
        api.hang_up(call_sid).addErrback(lambda failure: click.echo(failure.getErrorMessage(), err=True))

    interrupted(reactor, hang_up)
    impatience = reactor.callLater(most, hang_up)
    try:
        call = await _followed(reactor, api, call_sid)
    finally:
        if impatience.active():
            impatience.cancel()
    click.echo(ended(call))


async def placed(api: Api, wanted: Wanted) -> str:
    """The SID of the call that was asked for. Raises ClickException."""
    try:
        return await api.place(wanted)
    except (Denied, Unanswered) as error:
        raise click.ClickException(str(error)) from error


async def _followed(reactor: Any, api: Api, call_sid: str) -> Call:
    """Show each change; the call, when it is over."""
    stage, lines, missed = "", 0, 0
    while True:
        try:
            call = await api.look(call_sid)
        except (Denied, Unanswered) as error:
            missed += 1
            if missed == MOST_MISSED:
                raise click.ClickException(f"it is not known what became of {call_sid}: {error}") from error
        else:
            missed = 0
            if call.stage not in (stage, ""):
                stage = call.stage
                click.echo(f"  … {stage}")
            for line in call.transcript[lines:]:
                if line.text:
                    click.echo(f"  {line.who + ':':<8} {line.text}")
            lines = max(lines, len(call.transcript))
            if call.over:
                return call
        await deferLater(reactor, LOOK_SECONDS)


def ended(call: Call) -> str:
    """How a call ended, in a line."""
    length = "" if call.seconds is None else f" after {call.seconds:.1f} s"
    return f"{call.ending or 'over'}{length}{': ' + call.reason if call.reason else ''}"


async def played(reactor: Any, api: Api, wanted: Wanted, stage: Stage) -> tuple[SimulatedCall, Caller]:
    """Be the carrier on this machine, and the one who is called, until the call is over. Raises ClickException."""
    account = account_of(stage.configuration, stage.account)
    ours = wanted.from_ or account.number
    if ours is None:
        raise click.UsageError(f"which of our numbers calls? --from, or `number` of the account {account.name!r}")
    carrier = carrier_for(reactor, stage.configuration, ours, stage.account)
    port = await listening(reactor, account.base_url or "", carrier)
    try:
        call, caller = await taken(reactor, api, msgspec.structs.replace(wanted, from_=ours), stage, carrier)
        click.echo(ended(await last_of(api, call.sid)))
    finally:
        await maybeDeferred(port.stopListening)
    return call, caller


async def taken(
    reactor: Any, api: Api, wanted: Wanted, stage: Stage, carrier: Carrier
) -> tuple[SimulatedCall, Caller]:
    """Have the daemon call somebody by this carrier, and be that, until the call is over. Raises ClickException."""
    settle(carrier, wanted.number, stage.way, stage.line)
    furnish(carrier, stage.desks)
    callers: list[Caller] = []

    def rings(call: SimulatedCall) -> None:
        call.on_entry = stage.on_entry
        callers.append(Caller(call, reactor, stage.acts, quiet=stage.quiet, most=stage.most))

    carrier.on_placed = rings
    call = carrier.calls[await placed(api, wanted)]
    await call.ended
    await deferLater(reactor, CALLBACKS_SECONDS)
    return call, callers[0]


async def listening(reactor: Any, base_url: str, carrier: Carrier) -> IListeningPort:
    """The carrier's API, served where the daemon looks for it. Raises ClickException where somebody else is."""
    base = urlsplit(base_url)
    six = ":" in (base.hostname or "")
    kind = TCP6ServerEndpoint if six else TCP4ServerEndpoint
    endpoint = kind(reactor, base.port or 80, interface="::1" if six else "127.0.0.1")
    try:
        port: IListeningPort = await endpoint.listen(Site(carrier.rest))
    except CannotListenError as error:
        why = f"the daemon looks for its carrier at {base_url}, and we cannot be there: {error.socketError}"
        why += " (is a `voiced carrier` still running, or a `voiced call --out`?)"
        raise click.ClickException(why) from error
    return port


async def last_of(api: Api, call_sid: str) -> Call:
    """What the daemon says of a call that is over. Raises ClickException."""
    try:
        return await api.look(call_sid)
    except (Denied, Unanswered) as error:
        raise click.ClickException(f"the daemon does not say what became of it: {error}") from error
