"""The option that every tool has: which settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from voiced.errors import ConfigError
from voiced.settings.load import Configuration
from voiced.tap import checked, complaint

config_option: Callable[[Any], Any] = click.option(
    "--config", "-c", metavar="FILE", help="The settings (./voiced.yaml, else ./config/voiced.yaml)."
)


def load(config: str | None, code: int = 1, outcome: str = "nothing was started") -> tuple[Path, Configuration]:
    """The checked settings; where something is wrong with them, that is printed with this outcome, and the tool ends
    with this code."""
    try:
        return checked(config, Path.cwd())
    except ConfigError as error:
        click.echo(complaint(error, outcome), err=True)
        raise SystemExit(code) from None
