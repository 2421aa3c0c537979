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
        page = to_yaml(recalled.scenario(), config=settings, notes=recalled.notes)
        _save(save, _note(recalled.hidden_keys, "# {}\n") + page)
    replayed = live_again(recalled, configuration)
    click.echo(shown(replayed))
    if not replayed.same:
        raise SystemExit(1)


def _save(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        click.echo(f"voiced: {file} cannot be written ({error.strerror}): name another file with --save", err=True)
        raise SystemExit(WRONG) from None
    click.echo(f"the call as a scenario: {file}")


def _note(keys: int, line: str) -> str:
    """That keys are not those of then; "" where all are known."""
    if not keys:
        return ""
    many = "1 private key is" if keys == 1 else f"{keys} private keys are"
    return line.format(f"{many} not known, and 0 is pressed for each: what follows may differ because of that")


def shown(replayed: Replayed) -> str:
    """What goes otherwise, for people."""
    if replayed.same:
        return f"{replayed.recalled.line['call']}: it goes as it went."
    pages = {
        "steps": replayed.steps,
        "words": replayed.words,
        "texts, web services, transfers": replayed.deeds,
        "ending": replayed.ending,
        "and what the replay could not do": [failure.message for failure in replayed.performance.failures],
    }
    head = "as it was (-), and as it goes now (+):"
    note = _note(replayed.recalled.hidden_keys, "({})")
    return "\n".join([head, *filter(None, [note]), *(_page(name, lines) for name, lines in pages.items() if lines)])


def _page(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{name}:", *(f"  {line}" for line in lines)])
