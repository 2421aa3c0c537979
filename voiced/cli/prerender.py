"""`voiced prerender`: render every fixed prompt ahead, so that no caller waits for a voice."""

from __future__ import annotations

from typing import Any

import click

from voiced.cli.configured import config_option, load
from voiced.cli.running import run
from voiced.errors import ConfigError
from voiced.settings.load import Configuration
from voiced.tap import complaint


@click.command()
@config_option
def prerender(config: str | None) -> None:
    """Render the prompts that are the same for every caller into the cache. Templated texts are never stored."""
    _, configuration = load(config)
    run(lambda reactor: render(reactor, configuration))


async def render(reactor: Any, configuration: Configuration) -> None:
    """Render with a progress bar; ends with code 1 when a prompt could not be rendered."""
    from voiced.building import Studio  # it imports the reactor, which react() has chosen by now
    from voiced.speech.prerender import prerender as render_all

    try:
        studio = Studio(configuration, reactor)
    except ConfigError as error:
        click.echo(complaint(error), err=True)
        raise SystemExit(1) from None
    prompts = list(studio.prompts())
    with click.progressbar(length=len(prompts), label="Rendering prompts") as bar:
        rendered = await render_all(prompts, lambda done, total: bar.update(done - bar.pos))
    for missing in rendered.missing:
        click.echo(f"voice {missing.voice} could not render {missing.text!r}: {missing.reason}", err=True)
    if rendered.missing:
        raise SystemExit(1)
