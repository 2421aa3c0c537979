"""`voiced check`: are the settings and flows good?"""

from __future__ import annotations

import click

from voiced.cli.configured import config_option, load
from voiced.tap import doubts, summary


@click.command()
@config_option
@click.option("--strict", is_flag=True, help="End with 1 when there is a warning, too.")
def check(config: str | None, strict: bool) -> None:
    """Check the settings and all flows; say everything that is wrong with them, with file, line and column.

    What works, and nobody can have meant, is a warning: docs/checking.md has what to do about each.
    """
    path, configuration = load(config)
    click.echo(doubts(configuration) + summary(path, configuration))
    if strict and configuration.warnings:
        raise SystemExit(1)
