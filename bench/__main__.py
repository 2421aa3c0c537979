"""What voiced costs, beside what people would write instead: bench/report.md.

\b
python -m bench quick      two or three minutes: to see that all works, and roughly where one stands
python -m bench whole      about an hour and a half: the figures that count (`make bench`)
python -m bench killed     how soon the callers of a killed daemon hear speech, or their agents, again
python -m bench profile    what voiced does with its time while it carries calls
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import attrs
import click
import msgspec

from bench import machine, profiling
from bench.figures import capacity, endurance, first_audio, interruption, killed, latency, relay, webhooks
from bench.figures.plan import QUICK, WHOLE, Contest, Plan
from bench.plot import draw
from bench.programs import BUILD, NotStarted, Program, choices_of_voiced, node, plain
from bench.report import written
from bench.results import Result, Run
from bench.stand import Bench, NotCounted, bench

FIGURES: dict[str, Callable[[Contest], Result | None]] = {
    "relay": relay.run,
    "latency": latency.run,
    "capacity": capacity.run,
    "webhooks": webhooks.run,
    "first_audio": first_audio.run,
    "interruption": interruption.run,
    "killed": killed.run,
    "endurance": endurance.run,
}
HERE = Path(__file__).parent
_settings = click.option(
    "--settings", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines for voiced.yaml besides those of the bench, or in the place of their namesakes.",
)  # fmt: skip
_only = click.option(
    "--only", multiple=True, type=click.Choice(list(FIGURES)), help="This figure, and others that are named so."
)
_report = click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Where the report goes; its picture beside it."
)
_tree = click.option(
    "--tree", default=HERE.parent, type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The checkout whose voiced is measured, if it is not this one.",
)  # fmt: skip
_anyhow = click.option(
    "--anyhow", is_flag=True, help="Runs count even if the load generator was late: where others load the machine."
)
_programs = click.option("--program", "named", multiple=True, help="Programs whose name begins so; all unless told.")


@click.group(help=__doc__)
def main() -> None:
    """See above."""


@main.command()
@_settings
@_tree
@_only
@_programs
@_report
@_anyhow
def quick(
    settings: Path | None,
    tree: Path,
    only: tuple[str, ...],
    named: tuple[str, ...],
    report: Path | None,
    anyhow: bool,
) -> None:
    """Few calls, short windows, one turn each; the report goes to build/bench unless told."""
    _run(QUICK, settings, tree, only, named, report or BUILD / "report.md", anyhow)


@main.command()
@_settings
@_tree
@_only
@_programs
@_report
@_anyhow
@click.option("--turns", default=WHOLE.alternations, show_default=True, help="How often each program is measured.")
@click.option("--endurance-seconds", default=WHOLE.endurance_seconds, show_default=True, help="0: left out.")
def whole(
    settings: Path | None,
    tree: Path,
    only: tuple[str, ...],
    named: tuple[str, ...],
    report: Path | None,
    turns: int,
    endurance_seconds: float,
    anyhow: bool,
) -> None:
    """Everything, on a machine that does nothing else; the report goes to bench/report.md unless told."""
    plan = attrs.evolve(WHOLE, alternations=turns, endurance_seconds=endurance_seconds)
    _run(plan, settings, tree, only, named, report or HERE / "report.md", anyhow)


@main.command(name="killed")
@_settings
@_tree
@_report
@_anyhow
@click.option("--calls", default=WHOLE.killed_calls, show_default=True)
@click.option("--agents", default=WHOLE.killed_agents, show_default=True, help="Of calls with agents.")
@click.option("--turns", default=1, show_default=True, help="How often the daemon is killed in each way.")
def kill(
    settings: Path | None, tree: Path, report: Path | None, anyhow: bool, calls: int, agents: int, turns: int
) -> None:
    """That figure alone, on whatever else the machine does: the report, in build/bench unless told, has the load."""
    plan = attrs.evolve(QUICK, name="killed", alternations=turns, killed_calls=calls, killed_agents=agents)
    _run(plan, settings, tree, ("killed",), ("voiced",), report or BUILD / "killed.md", anyhow)


@main.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_report
def again(results: Path, report: Path | None) -> None:
    """Write the report of a run anew from its results (build/bench/quick.json, build/bench/whole.json)."""
    _write(msgspec.json.decode(results.read_bytes(), type=Run), report or HERE / "report.md")


@main.command()
@_settings
@_tree
@click.option("--calls", default=50, show_default=True)
@click.option("--seconds", default=10.0, show_default=True)
@click.option("--leg", type=click.Choice(["ws", "wss"]), default="wss", show_default=True)
@click.option("--top", default=45, show_default=True, help="How many functions are shown.")
@click.option("--program", "name", default="voiced", show_default=True, help="Which of voiced's ways.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file for it, besides the terminal."
)
def profile(
    settings: Path | None, tree: Path, calls: int, seconds: float, leg: str, top: int, name: str, output: Path | None
) -> None:
    """The functions with the most time of their own, while voiced carries so many calls."""
    with bench(tree) as where:
        ways, words = choices_of_voiced(where.surroundings(), _lines(settings))
        for word in words:
            _say(word)
        way = next((each for each in ways if each.name == name), None)
        if way is None:
            raise click.UsageError(f"no such way; there are: {', '.join(each.name for each in ways)}")
        text = profiling.profile(where, way, calls, seconds, leg == "wss", top)
    click.echo(text)
    if output is not None:
        output.write_text(text)


def _run(
    plan: Plan,
    settings: Path | None,
    tree: Path,
    only: tuple[str, ...],
    named: tuple[str, ...],
    report: Path,
    anyhow: bool,
) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    began, clock, before = datetime.now(UTC), time.monotonic(), machine.load()
    with bench(tree, anyhow) as where:
        programs, words = _programs_for(where, settings, named)
        for word in words:
            _say(word)
        contest = Contest(where, plan, programs, _say)
        results = []
        for name, figure in FIGURES.items():
            if only and name not in only:
                continue
            _say(f"{name}, load {machine.load():.2f}")
            result = figure(contest)
            if result is not None:
                results.append(result)
            run = Run(
                plan.name, machine.commit(tree), began.strftime("%Y-%m-%d"), time.monotonic() - clock,
                [before, machine.load()],
                attrs.asdict(machine.Machine.here()), words, results, anyhow,
            )  # fmt: skip
            # after each figure: whoever stops it keeps what there is
            (BUILD / f"{plan.name}.json").write_bytes(msgspec.json.encode(run))
            _write(run, report)
    _say(f"{report} has it all")


def _write(run: Run, report: Path) -> None:
    picture = report.with_suffix(".svg")
    draw(run, picture)
    report.write_text(written(run, picture.name))


def _programs_for(where: Bench, settings: Path | None, named: tuple[str, ...]) -> tuple[list[Program], list[str]]:
    programs, words = choices_of_voiced(where.surroundings(), _lines(settings))
    programs.append(plain())
    rival = node()
    if rival is None:
        words.append("there is no Node (or no npm) on this machine: the bridge on fastify and ws was not measured")
    else:
        programs.append(rival)
    chosen = [program for program in programs if not named or program.name.startswith(named)]
    if not any(program.ours for program in chosen):
        raise click.UsageError(f"name voiced, too; there are: {', '.join(program.name for program in programs)}")
    return chosen, words


def _lines(settings: Path | None) -> str:
    return "" if settings is None else settings.read_text()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(prog_name="python -m bench")
    except (NotStarted, NotCounted) as error:
        sys.exit(f"bench: {error}")
