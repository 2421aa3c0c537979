"""`voiced why`: what happened on a call, the likely cause, and the fix."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voiced.cli.configured import config_option, load
from voiced.cli.doctor import silence
from voiced.cli.running import run
from voiced.settings.load import Configuration

if TYPE_CHECKING:
    from voiced.doctor.evidence import Evidence
    from voiced.doctor.world import World

NOTHING = 2
"""The exit code when nobody knows of the call."""
SECONDS = 30.0
"""How long Twilio is asked."""
_SID = re.compile(r"CA[0-9a-fA-F]{32}")


@click.command()
@click.argument("call_sid", metavar="CALL")
@config_option
@click.option("--journal", metavar="FILE", type=click.Path(path_type=Path),
              help="The journal (journal.jsonl in the data directory, and what is rotated beside it).")  # fmt: skip
@click.option("--offline", is_flag=True, help="Do not ask Twilio.")
def why(call_sid: str, config: str | None, journal: Path | None, offline: bool) -> None:
    """Tell what happened on CALL (its CallSid): our record and Twilio's in one line of time, the cause and the fix.

    Twilio is asked about the call, its requests (15 minutes after the call) and its complaints; what its debugger has
    told the daemon (POST /twilio/debugger) is in the record. Exits with 2 when nobody knows the call.
    """
    if not _SID.fullmatch(call_sid):
        raise click.UsageError(f"{call_sid!r} is no CallSid: one is CA and 32 hexadecimal digits")
    silence()
    _, configuration = load(config)

    async def tell(reactor: Any) -> None:
        from voiced.doctor.world import real_world

        raise SystemExit(await told(real_world(reactor), configuration, call_sid, journal, offline=offline))

    run(tell)


async def told(
    world: World, configuration: Configuration, sid: str, journal: Path | None = None, *, offline: bool = False
) -> int:
    """Say it; gives the exit code. Raises ClickException for a journal that cannot be read."""
    from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004 - Twisted's own

    from voiced.building import JOURNAL
    from voiced.doctor.evidence import Evidence, Seen, ask, files, read
    from voiced.twilio.console import TwilioConsole

    path = journal or configuration.settings.data / JOURNAL
    try:
        record = read(files(path), sid)
    except OSError as error:
        raise click.ClickException(f"the journal {path} cannot be read: {error.strerror}") from None
    seen = Seen(unasked=["Twilio was not asked (--offline)"])
    if not offline:
        accounts = configuration.settings.accounts
        whose = [each for each in accounts if each.name == record.line.get("account")] or accounts
        consoles = [TwilioConsole(each, world.http, world.clock) for each in whose]
        asking: Deferred[Seen] = Deferred.fromCoroutine(ask(consoles, sid, world.now))
        try:
            seen = await asking.addTimeout(SECONDS, world.clock)
        except TimeoutError:
            seen = Seen(unasked=[f"Twilio did not answer within {SECONDS:g} s"])
    evidence = Evidence(sid, record, seen)
    if not record and seen.call is None:
        click.echo(f"{path} has nothing of {sid}", err=True)
        for sentence in seen.unasked:
            click.echo(f"not known: {sentence}", err=True)
        return NOTHING
    click.echo(page(evidence))
    return 0


def page(evidence: Evidence) -> str:
    """All of it, for people."""
    from voiced.doctor.cause import cause
    from voiced.doctor.timeline import timeline

    line, call = evidence.record.line, evidence.seen.call
    head = [evidence.sid]
    if line:
        head.append(f"{line.get('direction')}, {line.get('caller')} -> {line.get('called')}, flow {line.get('flow')}")
    if isinstance(seconds := line.get("seconds"), int | float):
        head.append(f"{seconds:.1f} s, {line.get('ending')}")
    if call is not None:
        head.append(f"at Twilio {call.status}")
    found = cause(evidence)
    lines = [": ".join([head[0], "; ".join(head[1:])]), *(f"  {each}" for each in timeline(evidence))]
    lines += ["", f"likely cause: {found.says}", f"fix: {found.fix or 'nothing has to be done'}"]
    return "\n".join([*lines, *(f"not known: {sentence}" for sentence in evidence.seen.unasked)])
