"""`voiced carrier`: be the carrier of a running daemon, and everybody it calls, until Ctrl-C."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import click
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from voiced.cli.cast import WAYS, desk_option, furnish, person_option, press_option, settle
from voiced.cli.configured import config_option, load
from voiced.cli.interrupt import on_interrupt
from voiced.cli.outgoing import listening, simulated
from voiced.cli.ringing import CALLBACKS_SECONDS, account_of, carrier_for
from voiced.cli.running import run
from voiced.settings.load import Configuration
from voiced.simulator.call import SimulatedCall
from voiced.simulator.caller import Caller
from voiced.simulator.carrier import Carrier
from voiced.simulator.ending import Ended
from voiced.simulator.texts import Text

FORGET_SECONDS = 300.0
"""How long a call that is over is remembered: the daemon may ask about it, and its audio is 8 kB a second."""


@click.command()
@config_option
@click.option("--account", metavar="NAME", help="Which account of `twilio:` it is the carrier of (the first).")
@click.option("--as", "way", type=click.Choice(list(WAYS)), default="answers", show_default=True,
              help="What everybody does who is called.")  # fmt: skip
@person_option
@press_option
@click.option("--talk", type=click.FloatRange(0.1), metavar="SECONDS",
              help="They hang up so long after they have answered (unless set: the daemon does).")  # fmt: skip
@desk_option
@click.option("--verbose", is_flag=True, help="Show all that happens on each call.")
def carrier(config: str | None, account: str | None, way: str, people: dict[str, str], press: tuple[str, ...],
            talk: float | None, desks: dict[str, str], verbose: bool) -> None:  # fmt: skip
    """Be the carrier, and everybody who is called: lists and clients of the API are tried without any telephone.

    The daemon runs with the same settings as this command reads, and its `base_url` is on this machine, as in
    config/demo.yaml. Each call is a line when it is over, and each text message; Ctrl-C ends it.
    """
    _, configuration = load(config)
    if not simulated(configuration, account):
        raise click.UsageError("a daemon with these settings asks Twilio itself: set `base_url` of the account to "
                               "http:// and a port of this machine, as in config/demo.yaml")  # fmt: skip
    crowd = Crowd(way, people, press, talk, desks)
    run(lambda reactor: serve(reactor, configuration, account, crowd, verbose))


@attrs.frozen
class Crowd:
    """Everybody who may be called."""

    way: str = "answers"
    """What they do (voiced.cli.cast), but for those of `people`, by number."""
    people: Mapping[str, str] = attrs.field(factory=dict)
    press: Sequence[str] = ()
    talk: float | None = None
    """Seconds after the answer at which they hang up."""
    desks: Mapping[str, str] = attrs.field(factory=dict)

    def way_of(self, number: str) -> str:
        """What the one at this number does."""
        return self.people.get(number, self.way)


@attrs.define
class Exchange:
    """A carrier whose calls go on by themselves."""

    _clock: IReactorTime
    _carrier: Carrier
    _crowd: Crowd
    _verbose: bool
    statuses: Counter[str] = attrs.field(init=False, factory=Counter)
    """How the calls ended that are over: CallStatus."""

    def rings(self, call: SimulatedCall) -> None:
        """Somebody is called."""
        self._forget()
        settle(self._carrier, call.to, self._crowd.way_of(call.to), talk=self._crowd.talk)
        if self._verbose:
            call.on_entry = lambda entry: click.echo(f"{call.to:<16} {entry}")
        Caller(call, self._clock, self._crowd.press, most=math.inf)
        call.ended.addCallback(self._over, call)

    def texts(self, text: Text) -> None:
        """Somebody gets a text message."""
        click.echo(f"{text.to:<16} text        {text.body}")
        self._carrier.texts.clear()

    def hang_up(self) -> None:
        """Everybody hangs up."""
        for call in list(self._carrier.calls.values()):
            call.hang_up()

    def _over(self, why: Ended, call: SimulatedCall) -> Ended:
        self.statuses[call.status] += 1
        click.echo(described(call, why))
        return why

    def _forget(self) -> None:
        """Nobody asks any more about calls that were over long ago."""
        now = self._clock.seconds()
        for call in list(self._carrier.placed):
            if call.ended_at is not None and now - call.ended_at > FORGET_SECONDS:
                del self._carrier.calls[call.sid]
                self._carrier.placed.remove(call)


async def serve(
    reactor: Any,
    configuration: Configuration,
    name: str | None,
    crowd: Crowd,
    verbose: bool = False,
    interrupted: Callable[[Any, Callable[[], object]], object] = on_interrupt,
) -> None:
    """Be the carrier until `interrupted(reactor, f)` has `f()` called. Raises ClickException."""
    account = account_of(configuration, name)
    whole = [number for number in configuration.settings.numbers if number.startswith("+") and number[-1] != "*"]
    ours = list(dict.fromkeys([*([account.number] if account.number else []), *whole]))
    if not ours:
        raise click.UsageError(f"the account {account.name!r} has no `number` to call from")
    at = carrier_for(reactor, configuration, ours[0], name)
    for number in ours[1:]:
        at.number(number, "/call/incoming", fallback_url="/call/fallback", status_url="/call/status")
    furnish(at, crowd.desks)
    exchange = Exchange(reactor, at, crowd, verbose)
    at.on_placed, at.ledger.on_text = exchange.rings, exchange.texts
    port = await listening(reactor, account.base_url or "", at)
    click.echo(f"the carrier is at {account.base_url}, and calls whom the daemon wants; Ctrl-C ends it")
    told: Deferred[None] = Deferred()

    def stop() -> None:
        if not told.called:
            told.callback(None)

    interrupted(reactor, stop)
    try:
        await told
        exchange.hang_up()
        await deferLater(reactor, CALLBACKS_SECONDS)
    finally:
        await maybeDeferred(port.stopListening)
    counts = ", ".join(f"{status} {count}" for status, count in exchange.statuses.most_common())
    click.echo(f"{exchange.statuses.total()} calls{': ' + counts if counts else ''}")


def described(call: SimulatedCall, why: Ended) -> str:
    """A call that is over, in a line."""
    keys = "".join(entry.detail for entry in call.sheet if entry.what == "presses")
    did = [f"{call.answered_by}"] if call.answered_by else []
    did += [f"pressed {keys}"] if keys else []
    did += [f"{leg.to} {leg.status}" for leg in call.children]
    did += [f"the carrier complains: {alert.text}" for alert in call.warnings if alert.level == "error"]
    length = (call.ended_at or call.rang_at) - call.rang_at
    return "; ".join([f"{call.to:<16} {call.status:<11} after {length:4.0f} s: {why}", *did])
