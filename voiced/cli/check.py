"""`voiced check`: are the settings and flows good?"""

from __future__ import annotations

import click

from voiced.cli.configured import config_option, load
from voiced.tap import summary


@click.command()
@config_option
def check(config: str | None) -> None:
    """Check the settings and all flows; say everything that is wrong with them, with file, line and column."""
    path, configuration = load(config)
    click.echo(summary(path, configuration))
