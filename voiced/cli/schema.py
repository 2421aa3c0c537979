"""`voiced schema`: what may stand in voiced.yaml, in flows and in scenarios, for editors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from voiced.rehearsal.schema import scenario_schema
from voiced.settings.registry import Registry
from voiced.settings.schema.flowfiles import flow_schema, included_schema
from voiced.settings.schema.settingsfile import settings_schema
from voiced.settings.schema.types import Schema

SCHEMAS: Mapping[str, Callable[[Registry, list[str]], Schema]] = {
    "settings": settings_schema,
    "flow": flow_schema,
    "included": included_schema,
    "scenario": lambda registry, missing: scenario_schema(),  # no plugin has a say in it
}
FILES = {"settings": "voiced.json", "flow": "flow.json", "included": "included.json", "scenario": "scenario.json"}
_SHORT = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s+\]")


@click.command()
@click.argument("what", type=click.Choice(list(SCHEMAS)), required=False)
@click.option("--output", "-o", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="Write files there instead: voiced.json, flow.json, included.json, scenario.json.")  # fmt: skip
def schema(what: str | None, output: Path | None) -> None:
    """Print the JSON Schema of the settings (or of flows, of what flows include, of scenarios), for editors.

    It has every plugin that is installed. docs/checking.md says how an editor is told of it.
    """
    registry = Registry.find()
    missing = [f"{module} cannot be imported: {error}" for module, error in sorted(registry.broken.items())]
    if output is None:
        click.echo(text_of(SCHEMAS[what or "settings"](registry, missing)), nl=False)
    else:
        texts = {FILES[name]: text_of(SCHEMAS[name](registry, missing)) for name in ([what] if what else SCHEMAS)}
        try:
            output.mkdir(parents=True, exist_ok=True)
            for file, text in texts.items():
                (output / file).write_text(text, "utf-8")
        except OSError as error:
            why = f"{error.filename} cannot be made or written ({error.strerror})"
            raise click.ClickException(f"{why}: name another directory at `--output`") from None
    for sentence in dict.fromkeys(missing):
        click.echo(f"left out: {sentence}", err=True)


def text_of(schema: Schema) -> str:
    """A schema as text; short lists stand in a line."""
    text = json.dumps(schema, indent=1, ensure_ascii=False)
    return _SHORT.sub(lambda found: "[" + re.sub(r"\n\s*", " ", found[1]) + "]", text) + "\n"
