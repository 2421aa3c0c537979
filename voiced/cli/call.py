"""`voiced call`: ring a running daemon as Twilio would, and listen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from twisted.internet.endpoints import clientFromString
from twisted.internet.task import deferLater

from voiced.cli.configured import config_option, load
from voiced.cli.running import run
from voiced.settings.load import Configuration
from voiced.simulator.caller import Caller, Spoken
from voiced.simulator.carrier import Carrier, SimulatedCall
from voiced.simulator.line import Line
from voiced.simulator.mulaw import SILENCE, silence, wav
from voiced.simulator.sheet import Entry

CALLBACKS_SECONDS = 0.5
"""What the carrier's last callbacks may take; without them the daemon would not know that the caller has gone."""
QUIET = ("twiml", "callback", "info", "mark")
"""Entries of the sheet that only `--verbose` shows."""


@click.command()
@config_option
@click.option("--to", required=True, metavar="NUMBER", help="Which number of ours to ring.")
@click.option("--from", "from_", default="+14155550100", metavar="NUMBER", help="Who rings.")
@click.option(
    "--press",
    multiple=True,
    metavar="KEY",
    help="A key to press when asked, or several in a row (3#); may be repeated.",
)
@click.option(
    "--say",
    multiple=True,
    metavar="TEXT",
    help="Something to say when we are asked, after the keys; may be repeated. Needs the extra `local`.",
)
@click.option(
    "--wav", "wav_file", type=click.Path(path_type=Path), metavar="FILE", help="Write what the caller heard."
)
@click.option("--account", metavar="NAME", help="Which account of `twilio:` rings (the first).")
@click.option(
    "--line", type=int, metavar="SEED", help="A bad line, with bursts, gaps, noise and echo from this seed."
)
@click.option("--most", type=float, default=120.0, metavar="SECONDS", help="Hang up after so long.")
@click.option("--verbose", is_flag=True, help="Show every webhook's answer and callback, too.")
def call(config: str | None, to: str, from_: str, press: tuple[str, ...], say: tuple[str, ...], wav_file: Path | None,
         account: str | None, line: int | None, most: float, verbose: bool) -> None:  # fmt: skip
    """Ring a running daemon as Twilio would: signed webhooks, a media stream, keys, speech. No telephone needed.

    The daemon runs with the same settings as this command reads: they say where it listens and what signs for Twilio.
    """
    _, configuration = load(config)
    acts: list[str | Spoken] = [*press, *map(spoken, say)]

    async def ring(reactor: Any) -> None:
        carrier = carrier_for(reactor, configuration, to, account)
        ringing = carrier.ring(to, from_, Line.clean() if line is None else Line.real(line), printer(verbose))
        caller = Caller(ringing, reactor, acts, most=most)
        await ringing.ended
        await deferLater(reactor, CALLBACKS_SECONDS)
        if wav_file is not None:
            keep([ringing], wav_file)
        if (trouble := what_went_wrong(ringing, caller)) is not None:
            raise click.ClickException(trouble)

    run(ring)


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
    accounts = {account.name: account for account in settings.accounts}
    if name is not None and name not in accounts:
        raise click.UsageError(f"no account is called {name!r}; there are: {', '.join(accounts)}")
    account = accounts[name] if name is not None else settings.accounts[0]
    carrier = Carrier(
        reactor,
        daemon=clientFromString(reactor, listening_at(settings.listen)),
        public_url=settings.public_url,
        account_sid=account.sid,
        auth_token=account.tokens[0].reveal() if account.tokens else "unsigned",
        seed=reactor.seconds(),
    )
    carrier.number(number, "/call/incoming", fallback_url="/call/fallback", status_url="/call/status")
    return carrier


def listening_at(listen: str) -> str:
    """The client endpoint for a server endpoint's description."""
    kind, *arguments = re.split(r"(?<!\\):", listen)
    named = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if kind == "unix":
        return f"unix:{arguments[0]}"
    port = named.get("port") or arguments[0]
    here = "\\:\\:1" if kind == "tcp6" else "127.0.0.1"
    return f"tcp:{named.get('interface') or here}:{port}"


def printer(verbose: bool = False) -> Any:
    """What prints each entry of the sheet as it is made."""

    def show(entry: Entry) -> None:
        if verbose or entry.what not in QUIET:
            click.echo(str(entry))

    return show


def what_went_wrong(ringing: SimulatedCall, caller: Caller) -> str | None:
    """Why this call was not a good one, in a sentence; None when it was."""
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
