"""What ringing has in common, whoever rings: the carrier's double, what is shown and kept of a call, was it good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import click
from twisted.internet.endpoints import clientFromString
from twisted.internet.task import deferLater

from voiced.cli.cast import STATUS, furnish
from voiced.cli.reaching import listening_at
from voiced.settings.address import held_by_systemd
from voiced.settings.load import Configuration
from voiced.simulator.caller import Caller, Spoken
from voiced.simulator.carrier import Carrier, SimulatedCall
from voiced.simulator.line import Line
from voiced.simulator.mulaw import SILENCE, silence, wav
from voiced.simulator.sheet import Entry
from voiced.twilio.webhook import Account

CALLBACKS_SECONDS = 0.5
"""What the carrier's last callbacks may take; without them the daemon would not know that the caller has gone."""
UNTAKEN = {
    "canceled": "the daemon took the call back while it rang: a client of its API has ended it, or it stops",
}
"""What it means that nobody took a call, by its CallStatus."""
QUIET = ("twiml", "callback", "info", "mark")
"""Entries of the sheet that only `--verbose` shows."""


@attrs.frozen
class Stage:
    """What the human does, where we are the carrier."""

    configuration: Configuration
    account: str | None
    """The name of the account; None: the first."""
    line: Line
    acts: Sequence[str | Spoken]
    most: float
    """Seconds until they hang up."""
    on_entry: Callable[[Entry], object]
    quiet: float = 1.0
    """Seconds that nothing may have been said before they do the next thing."""
    way: str = "answers"
    """What they do when they are called (voiced.cli.cast)."""
    desks: Mapping[str, str] = attrs.field(factory=dict)
    """What those do whom the call is transferred to."""


async def rung(reactor: Any, to: str, from_: str, stage: Stage) -> tuple[SimulatedCall, Caller]:
    """Ring a number of the daemon's, until the call is over."""
    carrier = carrier_for(reactor, stage.configuration, to, stage.account)
    furnish(carrier, stage.desks)
    ringing = carrier.ring(to, from_, stage.line, stage.on_entry)
    caller = Caller(ringing, reactor, stage.acts, most=stage.most)
    await ringing.ended
    await deferLater(reactor, CALLBACKS_SECONDS)
    return ringing, caller


def spoken(text: str) -> Spoken:
    """What the caller says, in a voice of this machine. Raises ClickException where there is none, or no words."""
    try:
        model = import_module("voiced.speech.local_model")
    except ImportError as error:
        raise click.ClickException(
            f"a caller who speaks needs packages that are not installed ({error.name}): pip install 'voiced[local]'"
        ) from error
    audio = b"".join(model.render(sentence, 1.0) for sentence in model.sentences(text))
    if not audio:
        raise click.ClickException(f"the caller speaks English only, and there is nothing of it in {text!r}")
    return Spoken(audio, text)


def keep(calls: Sequence[SimulatedCall], wav_file: Path) -> None:
    """Write what the callers heard, a second apart, and say where; what they said is on the other channel."""
    gap = silence(1.0)
    heard, spoken = gap.join(call.heard for call in calls), gap.join(call.spoken for call in calls)
    try:
        wav_file.write_bytes(wav(heard, spoken) if spoken.strip(SILENCE) else wav(heard))
    except OSError as error:
        raise click.ClickException(f"{wav_file} cannot be written: {error.strerror}") from error
    click.echo(f"What the caller{'s' * (len(calls) > 1)} heard: {wav_file.absolute()}")


def carrier_for(reactor: Any, configuration: Configuration, number: str, name: str | None = None) -> Carrier:
    """The carrier of an account in the settings (the first, where none is named), which knows this number."""
    settings = configuration.settings
    account = account_of(configuration, name)
    if held_by_systemd(settings.listen):
        raise click.UsageError(
            "nobody but systemd knows where this daemon listens: name settings with its port at `listen` (--config)"
        )
    daemon = clientFromString(reactor, listening_at(settings.listen))
    carrier = Carrier(
        reactor,
        daemon=daemon,
        public_url=settings.public_url,
        account_sid=account.sid,
        auth_token=account.tokens[0].reveal() if account.tokens else "unsigned",
        seed=reactor.seconds(),
    )
    if settings.node_url:
        carrier.account.nodes[settings.node_url] = daemon
    carrier.number(number, "/call/incoming", fallback_url="/call/fallback", status_url="/call/status")
    return carrier


def account_of(configuration: Configuration, name: str | None) -> Account:
    """The account of that name, or the first. Raises UsageError."""
    accounts = {account.name: account for account in configuration.settings.accounts}
    if name is not None and name not in accounts:
        raise click.UsageError(f"no account is called {name!r}; there are: {', '.join(accounts)}")
    return accounts[name] if name is not None else configuration.settings.accounts[0]


def printer(verbose: bool = False) -> Any:
    """What prints each entry of the sheet as it is made."""

    def show(entry: Entry) -> None:
        if verbose or entry.what not in QUIET:
            click.echo(str(entry))

    return show


def what_went_wrong(ringing: SimulatedCall, caller: Caller, way: str = "answers") -> str | None:
    """Why this call was not a good one, in a sentence; None when it was. Who was to be busy is, in a good one."""
    if ringing.direction != "inbound" and ringing.answered_at is None:
        wanted = STATUS.get(way)
        return None if wanted == ringing.status else UNTAKEN.get(ringing.status, f"nobody took it: {ringing.status}")
    if not ringing.twiml:
        return "nobody answered the webhook: is the daemon running, with these settings?"
    if not ringing.streams:
        return "the daemon opened no media stream: it said " + (" ".join(ringing.said) or "nothing at all")
    if ringing.said:
        return "the carrier had to speak in the daemon's place: " + " ".join(ringing.said)
    if not caller.patient:
        return "the call did not end by itself: the caller gave up"
    errors = [str(alert.text) for alert in ringing.warnings if alert.level == "error"]
    return "the carrier complains: " + "; ".join(errors) if errors else None
