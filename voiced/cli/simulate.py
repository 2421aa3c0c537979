"""`voiced simulate`: plays scenarios through the flows, in memory, and says what went otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from twisted.logger import globalLogBeginner

from voiced.errors import ConfigError, Fault
from voiced.settings.load import NAME, Configuration, find_settings

if TYPE_CHECKING:
    from voiced.rehearsal.report import Played
    from voiced.rehearsal.scenariofile import ScenarioFile


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--config", "-c", metavar="FILE", type=click.Path(path_type=Path),
              help="The settings (the file's own `config:`, else the nearest voiced.yaml above it).")  # fmt: skip
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write a report for a CI: JUnit XML.")
@click.option("--verbose", is_flag=True, help="Show every step, key and sentence of each call.")
def simulate(files: tuple[Path, ...], config: Path | None, junit: Path | None, verbose: bool) -> None:
    """Play the scenarios in FILES through the flows: no account, no network, no telephone, and no waiting.

    Exits with 0 when every call went as its scenario has it, 1 when one did not, and 2 when a file is wrong.
    """
    from voiced.rehearsal import report
    from voiced.rehearsal.rehearse import perform

    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    read = _read(files, config)
    _write(junit, b"")  # where it cannot be, nothing is played; and no old report is taken for this one
    played = []
    for page, configuration in read:
        click.echo(f"{page.path}:")
        for written in page.scenarios:
            each = report.Played(written, perform(written.scenario, configuration))
            played.append(each)
            _tell(each, verbose=verbose)
    click.echo(report.summary(played))
    _write(junit, report.junit(played))
    if not all(each.performance.passed for each in played):
        raise SystemExit(1)


def _write(junit: Path | None, text: bytes) -> None:
    """The report for a CI. Where that cannot be written it is said, with code 2."""
    if junit is None:
        return
    try:
        junit.write_bytes(text)
    except OSError as error:
        why = f"the report {junit} cannot be written: {error.strerror}; name another file after --junit"
        click.echo(f"voiced: {why}", err=True)
        raise SystemExit(2) from None


def _tell(played: Played, *, verbose: bool) -> None:
    from voiced.rehearsal.report import page

    click.echo(f"  {played.line}")
    if verbose:
        click.echo(page(played))
    if played.trouble:
        click.echo("\n".join(f"    {line}" for line in played.trouble.splitlines()))


def _read(files: Sequence[Path], config: Path | None) -> list[tuple[ScenarioFile, Configuration]]:
    """The files, each with the settings it is for. What is wrong in any of them is shown, and ends it with code 2."""
    from voiced.rehearsal import scenariofile
    from voiced.rehearsal.rehearse import configured

    read, faults = [], set[Fault]()
    for path in files:
        try:
            page = scenariofile.read(path)
            environ: Mapping[str, str] = {**os.environ, **page.head.environment}
            configuration = configured(config or page.head.config or settings_above(path), environ)
            page.check(configuration)
        except ConfigError as error:
            faults.update(error.faults)
        else:
            read.append((page, configuration))
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        click.echo(f"{ConfigError(list(faults))}\n\nvoiced: {count}; nothing was played.", err=True)
        raise SystemExit(2)
    return read


def settings_above(path: Path) -> Path:
    """The nearest voiced.yaml above a file; else the one that every tool takes. Raises ConfigError."""
    for directory in path.absolute().parents:
        if (directory / NAME).is_file():
            return directory / NAME
    try:
        return find_settings(Path.cwd())
    except ConfigError:
        why = f"there is no {NAME} above this file: name one (--config, or `config:` in the file)"
        raise ConfigError([Fault(str(path), 1, 1, why)]) from None
