"""`voiced dial`: have the running daemon call everybody on a list."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import attrs
import click
from twisted.internet.defer import CancelledError, Deferred

from voiced.cli.apiclient import Api
from voiced.cli.cast import something
from voiced.cli.configured import config_option, load
from voiced.cli.dialling import pace
from voiced.cli.dialling.calling import Stopped
from voiced.cli.dialling.campaign import Campaign
from voiced.cli.dialling.display import Display
from voiced.cli.dialling.people import People, read_people
from voiced.cli.dialling.plan import Plan
from voiced.cli.dialling.preview import NoFlow, doubts, flow_of, preview
from voiced.cli.dialling.results import COLUMNS, OPEN, TROUBLE, Result, Results
from voiced.cli.dialling.summary import summary
from voiced.cli.interrupt import on_interrupt
from voiced.cli.reaching import address, key_option, url_option
from voiced.cli.running import run
from voiced.errors import ConfigError, StoreError
from voiced.settings.load import Configuration, find_settings

MOST_FAULTS = 20
"""Faults of a list that are shown at once."""
FINAL = [result.value for result in Result if result not in OPEN]


def _by(read: Callable[[str], float]) -> Callable[[Any, Any, str], float]:
    """A click callback that reads an option so."""
    return lambda context, option, written: read(written)


@click.command()
@click.argument("people_csv", metavar="PEOPLE.CSV", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--flow", metavar="NAME", help="Who talks to them (the flow of `outbound:` in the daemon's settings).")
@click.option("--from", "from_", metavar="NUMBER", callback=something, help="Which of our numbers calls.")
@click.option("--rate", default="1/s", show_default=True, callback=_by(pace.interval), metavar="RATE",
              help="How many calls begin: 1/s, 30/m, 100/h.")  # fmt: skip
@click.option("--at-once", type=click.IntRange(1, 1000), default=10, show_default=True, help="Most live calls.")
@click.option("--number-column", metavar="NAME", help="Where the numbers are (number, phone or to).")
@click.option("--retries", type=click.IntRange(0, 20), default=2, show_default=True,
              help="How often somebody who is busy or does not answer is called again.")  # fmt: skip
@click.option("--retry-after", default="15m", show_default=True, callback=_by(pace.seconds), metavar="TIME",
              help="How much later: 30s, 15m, 2h.")  # fmt: skip
@click.option("--results", "results_csv", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="What became of each row (PEOPLE.results.csv beside the list).")  # fmt: skip
@click.option("--again", multiple=True, type=click.Choice(FINAL), metavar="RESULT",
              help="Call those with this result again; may be repeated: " + ", ".join(FINAL) + ".")  # fmt: skip
@click.option("--id", "name", metavar="NAME",
              help="The list's name. The daemon does not call anybody twice within a day for the same row of a list "
              "of the same name: a list that is meant to be called again has another (the file's name).")  # fmt: skip
@click.option("--allow-duplicates", is_flag=True, help="The same number may be on the list more than once.")
@click.option("--dry-run", is_flag=True, help="Check the list and say what would be done.")
@config_option
@url_option
@key_option
def dial(people_csv: Path, results_csv: Path | None, number_column: str | None, allow_duplicates: bool, dry_run: bool,
         again: tuple[str, ...], name: str | None, flow: str | None, from_: str | None, rate: float, at_once: int,
         retries: int, retry_after: float, config: str | None, url: str | None, key: str | None) -> None:  # fmt: skip
    """Have the running daemon call everybody on a list: a CSV file whose columns become the flow's variables.

    It can be stopped (Ctrl-C, or the power) and started again, with the same API key, and nobody is called twice and
    nobody forgotten: what became of each row is in a file beside the list. Ends with 0 when every row has come to its
    end, with 1 when something is to be looked at, with 2 when nothing was begun.
    """
    results_csv = results_csv or people_csv.with_name(people_csv.stem + ".results.csv")
    plan = Plan(name or people_csv.name, flow, from_, rate, at_once, retries, retry_after)
    with alone(people_csv):
        try:
            people = read_people(people_csv, number_column, allow_duplicates)
            results = Results(results_csv, people)
        except ConfigError as error:
            click.echo(complaint(error), err=True)
            raise SystemExit(2) from None
        forget(people, results, frozenset(map(Result, again)))
        if dry_run:
            rehearse(people, results, plan, nearby(config, url))
            return
        daemon = address(None if url and not config else load(config, 2), url, key)
        run(lambda reactor: dial_all(reactor, daemon.api(reactor), people, results, plan, on_interrupt, sys.stdout))


async def dial_all(
    reactor: Any,
    api: Api,
    people: People,
    results: Results,
    plan: Plan,
    interrupted: Callable[[Any, Callable[[], object]], object],
    out: TextIO,
) -> None:
    """The whole run; `interrupted(reactor, f)` has `f()` called at each Ctrl-C. Raises Shortfall."""
    with Display(results, out) as display:
        campaign = Campaign(reactor, api, results, plan, display.row_changed, display.says)
        done = campaign.run(people.rows)
        interrupted(reactor, Interruption(campaign, done, display))
        trouble = remedy = ""
        try:
            await done
        except CancelledError:
            trouble = "left; what is under way goes on at the daemon, and the next run looks what became of it"
        except Stopped as stopped:
            trouble, remedy = str(stopped), stopped.remedy
        except StoreError as error:
            trouble = str(error)
    counts = results.counts()
    click.echo(summary(results), file=out)
    if open_rows := sum(counts[result] for result in OPEN):
        trouble = trouble or "stopped"
        then = f"{remedy}, and they are called then" if remedy else "the same command goes on with them"
        raise Shortfall(f"{trouble}. {open_rows} of {counts.total()} rows are left: {then}")
    if trouble or any(counts[result] for result in TROUBLE):
        words = ", ".join(result.value for result in Result if result in TROUBLE and counts[result])
        where = f"some rows want looking at: column {COLUMNS[0]!r} of {results.path} ({words})"
        raise Shortfall(f"{trouble}. {remedy}".rstrip(". ") if trouble else where)


class Shortfall(click.ClickException):
    """Not everybody on the list was called."""


@attrs.define
class Interruption:
    """What Ctrl-C does: at first no new calls, then no waiting for the live ones either."""

    campaign: Campaign
    done: Deferred[None]
    display: Display
    stopping: bool = False

    def __call__(self) -> None:
        if self.stopping:
            self.done.cancel()
            return
        self.stopping = True
        waited = {"live": self.campaign.live, "just asked for": self.campaign.asking}
        those = ", ".join(f"{count} {word}" for word, count in waited.items() if count)
        rest = f"waiting for those under way: {those}. Ctrl-C again leaves them" if those else "none is live"
        self.display.says(f"no new calls; {rest}")
        self.campaign.stop()


def nearby(config: str | None, url: str | None) -> Configuration | None:
    """The daemon's settings, where they are on this machine; None: they are not."""
    try:
        at_hand = url is None and bool(find_settings(Path.cwd()))
    except ConfigError:
        at_hand = False
    return load(config, 2)[1] if config or at_hand else None


def rehearse(people: People, results: Results, plan: Plan, configuration: Configuration | None) -> None:
    """Say what a run would do, and what may not have been meant. Raises UsageError for a flow that is not there."""
    try:
        flow = None if configuration is None else flow_of(plan, configuration)
    except NoFlow as error:
        raise click.UsageError(str(error)) from error
    click.echo(preview(people, results, plan))
    for doubt in doubts(people, flow):
        click.echo(f"note: {doubt}", err=True)


@contextmanager
def alone(people_csv: Path) -> Iterator[None]:
    """While it lasts, nobody else on this machine dials this list: each would overwrite the other's results."""
    descriptor = os.open(people_csv, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise click.UsageError(f"{people_csv} is being dialled already") from None
    finally:
        os.close(descriptor)


def forget(people: People, results: Results, again: frozenset[Result]) -> None:
    """Rows with these results are called anew, by a key of their own: the attempts go on counting."""
    for row in people.rows:
        if results[row].result in again:
            results.put(row, attrs.evolve(results[row], result=Result.NONE, why="", key=""))


def complaint(error: ConfigError) -> str:
    """What is wrong with a list, as a page for people."""
    count = len(error.faults)
    shown = [str(fault) for fault in error.faults[:MOST_FAULTS]]
    shown += [f"… and {count - MOST_FAULTS} more"] if count > MOST_FAULTS else []
    return "\n".join([*shown, "", f"voiced: {count} fault{'s' * (count > 1)}; nobody was called."])
