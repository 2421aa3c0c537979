"""`voiced replay`: lives through a call of the journal again, with the flows of today."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from twisted.logger import globalLogBeginner

from voiced.errors import ConfigError
from voiced.settings.load import find_settings
from voiced.tap import complaint

if TYPE_CHECKING:
    from voiced.rehearsal.replaying import Replayed

WRONG = 2
"""The exit code when there is nothing to be replayed."""


@click.command()
@click.argument("call_sid", metavar="CALL")
@click.option("--config", "-c", metavar="FILE", type=click.Path(path_type=Path),
              help="The settings (./voiced.yaml, else ./config/voiced.yaml).")  # fmt: skip
@click.option("--journal", metavar="FILE", type=click.Path(path_type=Path),
              help="The journal (journal.jsonl in the data directory of the settings).")  # fmt: skip
@click.option("--save", metavar="FILE", type=click.Path(path_type=Path),
              help="Write the call as a scenario, for `voiced simulate`.")  # fmt: skip
def replay(call_sid: str, config: Path | None, journal: Path | None, save: Path | None) -> None:
    """Live through CALL (its CallSid) again, with the flows as they are now: in memory, at once, and nobody is rung.

    What goes otherwise than it went is shown: steps, words, ending. The journal must have kept the wire of the call
    (`journal: wire`). Exits with 0 when all is the same, 1 when something is not, and 2 when there is no such call.
    """
    from voiced.building import JOURNAL
    from voiced.rehearsal.rehearse import configured
    from voiced.rehearsal.replaying import NoWire, find
    from voiced.rehearsal.replaying import replay as live_again
    from voiced.rehearsal.writing import to_yaml

    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    try:
        path = config or find_settings(Path.cwd())
        configuration = configured(path, os.environ)
        recalled = find(journal or configuration.settings.data / JOURNAL, call_sid)
    except ConfigError as error:
        click.echo(complaint(error), err=True)
        raise SystemExit(WRONG) from None
    except (NoWire, OSError) as error:
        click.echo(f"voiced: {error}", err=True)
        raise SystemExit(WRONG) from None
    if save is not None:
        settings = os.path.relpath(path.absolute(), save.absolute().parent)
        save.write_text(to_yaml(recalled.scenario(), config=settings), "utf-8")
        click.echo(f"the call as a scenario: {save}")
    replayed = live_again(recalled, configuration)
    click.echo(shown(replayed))
    if not replayed.same:
        raise SystemExit(1)


def shown(replayed: Replayed) -> str:
    """What goes otherwise, for people."""
    if replayed.same:
        return f"{replayed.recalled.line['call']}: it goes as it went."
    pages = [("steps", replayed.steps), ("words", replayed.words), ("ending", replayed.ending)]
    head = "as it was (-), and as it goes now (+):"
    return "\n".join([head, *(_page(name, lines) for name, lines in pages if lines)])


def _page(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{name}:", *(f"  {line}" for line in lines)])
