"""Report: what a run has found, in Markdown with a picture. Made by `python -m bench`, never by hand."""

from __future__ import annotations

from collections.abc import Iterator

from bench.machine import QUIET
from bench.plot import BARS
from bench.results import Result, Row, Run

HEAD = """\
# Bench

Made by `python -m bench {kind}` on {began}, in {minutes:.0f} minutes; `make bench` makes it anew. What the numbers
are not: a promise for another machine. Read the ratios.
"""


def written(run: Run, picture: str) -> str:
    """All of it; `picture` is the SVG's name."""
    parts = [HEAD.format(kind=run.kind, began=run.began, minutes=run.seconds / 60), _machine(run)]
    parts.append(_targets(run))
    if any(result.name in BARS for result in run.results):
        parts.append(f"![CPU per relayed frame, added latency and calls per core]({picture})\n")
    parts += [_figure(result) for result in run.results]
    return "\n".join(parts)


def _machine(run: Run) -> str:
    before, after = run.loads
    versions = ", ".join(f"{name} {number}" for name, number in run.machine["versions"].items())
    lines = [
        f"voiced at {run.version}. {run.machine['cores']} cores, {run.machine['processor']},",
        f"{run.machine['kernel']};",
        f"{versions}.",
        f"Load average {before:.2f} before, {after:.2f} after (the bench's own two processes are in the second). The",
        "program under test has one core, the load generator another.",
    ]
    if before > QUIET:
        lines += [
            "",
            f"**The machine was not quiet**: others were at work on it (load {before:.2f} before the first figure).",
            "The figures show that the bench works; they say little of the programs.",
        ]
    if run.kind == "quick":
        lines += [
            "",
            "**A quick run**: fewer calls, shorter windows, one turn for each program. What is asked for with more",
            "calls than that counts as not measured.",
        ]
    if run.anyhow:
        lines += [
            "",
            "**Runs count in which the load generator did not keep up** (`--anyhow`): its delays are in the figures.",
        ]
    if run.words:
        lines += ["", *(f"- {word}" for word in run.words)]
    return "\n".join([*lines, ""])


def _targets(run: Run) -> str:
    lines = ["## Asked and reached", "", "| asked | reached | |", "|---|---|---|"]
    for result in run.results:
        for target in result.targets:
            verdict = {True: "yes", False: "**not reached**", None: "not measured"}[target.met]
            lines.append(f"| {target.asked} | {target.reached or '-'} | {verdict} |")
    short = [target.asked for result in run.results for target in result.targets if target.met is False]
    unknown = [target.asked for result in run.results for target in result.targets if target.met is None]
    if short:
        lines += ["", "Not reached: " + "; ".join(short) + "."]
    if unknown:
        lines += ["", "Not measured in this run: " + "; ".join(unknown) + "."]
    return "\n".join([*lines, ""])


def _figure(result: Result) -> str:
    first, _, rest = result.about.strip().partition("\n\n")
    turns = max((len(result.counted(*kind, result.columns[0].name)) for kind in result.kinds()), default=0)
    head = " | ".join(column.heading for column in result.columns)
    lines = [f"## {result.name.capitalize()}", "", first, "", *([rest.strip(), ""] if rest else [])]
    lines += [f"Medians of {turns} turn{'s' if turns != 1 else ''}, least and most in brackets.", ""]
    lines += [f"| program | agents over | {head} | turns |", "|---|---|" + "---|" * (len(result.columns) + 1)]
    lines += [_row(result, program, leg) for program, leg in result.kinds()]
    lines += _ratios(result)
    spoilt = [row for row in result.rows if row.spoilt]
    if spoilt:
        lines += ["", "Not counted:", "", *_complaints(spoilt)]
    return "\n".join([*lines, *(["", *result.words] if result.words else []), ""])


def _row(result: Result, program: str, leg: str) -> str:
    cells = [_cell(result.counted(program, leg, column.name), column.form) for column in result.columns]
    turns = len(result.counted(program, leg, result.columns[0].name))
    return f"| {program} | {leg} | {' | '.join(cells)} | {turns} |"


def _cell(found: list[float], form: str) -> str:
    if not found:
        return "-"
    ordered = sorted(found)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    text = form.format(middle)
    least, most = form.format(ordered[0]), form.format(ordered[-1])
    return text if least == most else f"{text} ({least}-{most})"


def _ratios(result: Result) -> Iterator[str]:
    """How the first column compares with that of each rival, over the same leg."""
    name, heading = result.columns[0].name, result.columns[0].heading
    ours = list(dict.fromkeys(row.program for row in result.rows if row.ours))
    rivals = list(dict.fromkeys(row.program for row in result.rows if not row.ours))
    said = []
    for leg in dict.fromkeys(row.leg for row in result.rows):
        for program in ours:
            for rival in rivals:
                one, other = result.median(program, leg, name), result.median(rival, leg, name)
                if one is not None and other:
                    said.append(f"| {program} | {rival} | {leg} | {one / other:.2f} |")
    if said:
        yield from ("", f"| {heading} of | to that of | over | ratio |", "|---|---|---|---|", *said)


def _complaints(spoilt: list[Row]) -> list[str]:
    return [f"- {row.program}, {row.leg}: {' '.join(row.spoilt.split())[:300]}" for row in spoilt]
