"""`voiced doctor`: is all set up so that calls come in, sound right, and may be placed?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from twisted.logger import globalLogBeginner

from voiced.cli.configured import config_option
from voiced.cli.running import run
from voiced.errors import ConfigError
from voiced.settings.load import Configuration
from voiced.tap import checked, complaint

if TYPE_CHECKING:
    from voiced.doctor.finding import Finding
    from voiced.doctor.world import World

WIDTH = 21
"""Columns of a check's name."""


@click.command()
@config_option
@click.option("--fix", is_flag=True, help="Set what can be set: the URLs of numbers at Twilio, agents at ElevenLabs.")
@click.option("--json", "as_json", is_flag=True, help="Print it as a JSON document.")
def doctor(config: str | None, fix: bool, as_json: bool) -> None:
    """Ask the world whether the daemon is set up for calls: names, TLS, signatures, Twilio, ElevenLabs, the clock.

    Each check says pass, fail or not asked, and the fix in a line. Nothing is changed without --fix, which says what
    was there before. The daemon should run. Exits with 1 where anything failed.
    """
    silence()
    try:
        _, configuration = checked(config, Path.cwd())
    except ConfigError as error:
        broken(error, as_json)
        raise SystemExit(1) from None

    async def examine(reactor: Any) -> None:
        from voiced.doctor.world import real_world

        raise SystemExit(await examined(real_world(reactor), configuration, fix=fix, as_json=as_json))

    run(examine)


async def examined(world: World, configuration: Configuration, *, fix: bool = False, as_json: bool = False) -> int:
    """Look, mend, print; gives the exit code."""
    from voiced.doctor.examination import Examination, failed, mended

    findings = await Examination(world, configuration).findings()
    if fix:
        findings = await mended(findings)
    click.echo(document(findings) if as_json else page(findings))
    return 1 if failed(findings) else 0


def silence() -> None:
    """What the daemon's parts would log is said by the tool itself."""
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)


def broken(error: ConfigError, as_json: bool) -> None:
    """Say that nothing else could be looked at."""
    if not as_json:
        click.echo(complaint(error, "nothing else was looked at"), err=True)
        return
    faults = [f"{fault.file}:{fault.line}:{fault.column}: {fault.message}" for fault in error.faults]
    check = {"check": "configuration", "about": "", "verdict": "fail"}
    check |= {"says": "; ".join(faults), "fix": "see `voiced check`"}
    click.echo(json.dumps({"failed": 1, "not_asked": 0, "checks": [check]}, ensure_ascii=False))


def page(findings: Sequence[Finding]) -> str:
    """What was found, for people."""
    lines = []
    for each in findings:
        about = f"{each.about}: " if each.about else ""
        lines.append(f"{each.verdict.value:<10}{each.check:<{WIDTH}} {about}{each.says}")
        if each.fix:
            lines.append(f"{'':<10}{'':<{WIDTH}} fix: {each.fix}")
    return "\n".join([*lines, "", summary(findings)])


def summary(findings: Sequence[Finding]) -> str:
    """The end of it."""
    counts = {name: sum(each.verdict.value == name for each in findings) for name in ("pass", "fail", "not asked")}
    line = ", ".join(f"{count} {name}" for name, count in counts.items())
    if counts["not asked"] and counts["not asked"] == len(findings) - 1:
        return line + ": nobody could be asked. Is this machine on the network?"
    return line


def document(findings: Sequence[Finding]) -> str:
    """What was found, for programs."""
    checks = [
        {"check": each.check, "about": each.about, "verdict": each.verdict.value, "says": each.says, "fix": each.fix}
        for each in findings
    ]
    verdicts = [each.verdict.value for each in findings]
    whole = {"failed": verdicts.count("fail"), "not_asked": verdicts.count("not asked"), "checks": checks}
    return json.dumps(whole, ensure_ascii=False, indent=2)
