"""`voiced call`: ring a running daemon as Twilio would, or have it call somebody, and listen."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from voiced.call.dialplan import plain
from voiced.cli.apiclient import Wanted
from voiced.cli.cast import WAYS, desk_option, press_option, something
from voiced.cli.configured import config_option, load
from voiced.cli.outgoing import played, simulated, watched
from voiced.cli.reaching import address, key_option, listening_at, url_option
from voiced.cli.ringing import CALLBACKS_SECONDS, Stage, carrier_for, keep, printer, rung, spoken, what_went_wrong
from voiced.cli.running import run
from voiced.simulator.caller import Caller, Spoken
from voiced.simulator.carrier import SimulatedCall
from voiced.simulator.line import Line

__all__ = ["CALLBACKS_SECONDS", "call", "carrier_for", "keep", "listening_at", "printer", "spoken", "what_went_wrong"]

STRANGER = "+14155550100"
"""Who rings, unless told."""


def pairs(context: click.Context, option: click.Parameter, written: tuple[str, ...]) -> dict[str, str]:
    """`name=value`, as often as it was given."""
    for each in written:
        if not each.partition("=")[0] or "=" not in each:
            raise click.BadParameter(f"{each!r} is no name=value")
    return dict(each.split("=", 1) for each in written)


@click.command()
@config_option
@click.option("--to", metavar="NUMBER", callback=something, help="Ring the daemon: which number of ours.")
@click.option("--out", metavar="NUMBER", callback=something, help="Have the daemon call somebody: whom.")
@click.option("--from", "from_", metavar="NUMBER", callback=something,
              help=f"Who rings ({STRANGER}); with --out, which of our numbers.")  # fmt: skip
@press_option
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
@click.option("--as", "way", type=click.Choice(list(WAYS)), help="With --out: what they do (answers).")
@desk_option
@click.option("--flow", metavar="NAME", help="With --out: who talks to them.")
@click.option("--prompt", metavar="TEXT", help="With --out: what the flow's agent is asked to do.")
@click.option("--first-message", metavar="TEXT", help="With --out: what that agent says first.")
@click.option("--variable", "variables", multiple=True, callback=pairs, metavar="NAME=VALUE",
              help="With --out: a fact for the flow; may be repeated.")  # fmt: skip
@url_option
@key_option
@click.option("--verbose", is_flag=True, help="Show every webhook's answer and callback, too.")
def call(config: str | None, to: str | None, out: str | None, from_: str | None, press: tuple[str, ...],
         say: tuple[str, ...], wav_file: Path | None, account: str | None, line: int | None, most: float,
         way: str | None, desks: dict[str, str], flow: str | None,
         prompt: str | None, first_message: str | None, variables: dict[str, str],
         url: str | None, key: str | None, verbose: bool) -> None:  # fmt: skip
    """Ring a running daemon as Twilio would: signed webhooks, a media stream, keys, speech. No telephone needed.

    The daemon runs with the same settings as this command reads: they say where it listens and what signs for Twilio.

    With --out the daemon is asked to call somebody. Where its settings have the carrier on this machine (`base_url`,
    as config/demo.yaml), this command is the carrier, and the one who is called. Else a telephone rings, and what
    becomes of it is shown; Ctrl-C hangs up.
    """
    if (to is None) == (out is None):
        raise click.UsageError("either --to, to ring the daemon, or --out, to have it call somebody")
    if out is None and (url is not None or way is not None):
        raise click.UsageError("--url and --as go with --out")
    acts: list[str | Spoken] = [*press, *map(spoken, say)]
    settings = None if url and not config else load(config)
    configuration = None if settings is None else settings[1]
    wanted = Wanted(plain(out or ""), flow, prompt, first_message, variables, from_)
    if configuration is None or (out is not None and (url or not simulated(configuration, account))):
        if acts or way or desks or wav_file is not None or line is not None or account is not None:
            options = "--press, --say, --wav, --line, --account, --as and --desk"
            raise click.UsageError(f"{options} are for a carrier on this machine")
        there = address(settings, url, key)
        run(lambda reactor: watched(reactor, there.api(reactor), wanted, most))
        return
    condition = Line.clean() if line is None else Line.real(line)
    stage = Stage(configuration, account, condition, acts, most, printer(verbose), way=way or "answers", desks=desks)
    here = None if to is not None else address(settings, None, key)

    def begun(reactor: Any) -> Coroutine[Any, Any, tuple[SimulatedCall, Caller]]:
        if here is None:
            return rung(reactor, to or "", from_ or STRANGER, stage)
        return played(reactor, here.api(reactor), wanted, stage)

    async def ring(reactor: Any) -> None:
        ringing, caller = await begun(reactor)
        if wav_file is not None:
            keep([ringing], wav_file)
        if (trouble := what_went_wrong(ringing, caller, stage.way)) is not None:
            raise click.ClickException(trouble)

    run(ring)
