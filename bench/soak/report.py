"""What a soak prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bench.soak.leftovers import Census
from bench.soak.soak import Result

MOST_FOUND = 40
MEMORY_LIMIT = 1 << 20
"""Bytes that may be resident more than after the warm-up, and in use."""


def tables(result: Result) -> str:
    """How it went, as Markdown tables."""
    before, after = result.before, result.after
    ended = sum(result.books.endings.values())
    summary = (
        f"seed {result.seed}: {result.calls} calls at the carrier, {ended} ended in the journal; at once "
        f"{result.most_live}; {result.seconds:.0f} s, {result.calls / max(result.seconds, 0.001):.1f} calls/s, "
        f"{result.passed / 3600:.1f} h of the fake clock; fingerprint {result.fingerprint}"
    )
    lines = [
        summary,
        "",
        *_table("calls by ending", result.books.endings),
        *_table("what went wrong on purpose", result.mishaps),
        *_table("people", result.people),
        *_table("answers of POST /outbound-call", result.asked),
        *_table("steps walked", result.books.verbs),
        "| | after the warm-up | at the end |",
        "|---|---|---|",
        f"| objects of voiced | {sum(before.objects.values())} | {sum(after.objects.values())} |",
        f"| objects of libraries | {sum(before.others.values())} | {sum(after.others.values())} |",
        _memory("resident memory", before.memory, after.memory),
        _memory("memory in use (given out by the C library)", before.used, after.used),
        f"| threads | {before.threads} | {after.threads} |",
        f"| open files | {before.files} | {after.files} |",
        "",
    ]
    lines += [f"- {each}" for each in result.found[:MOST_FOUND]]
    if len(result.found) > MOST_FOUND:
        lines.append(f"- and {len(result.found) - MOST_FOUND} more")
    return "\n".join(lines)


def too_big(before: Census, after: Census) -> Iterator[str]:
    """What is wrong with the memory, if anything."""
    growths = {"resident memory": after.memory - before.memory}
    if before.used is not None and after.used is not None:
        growths["memory in use"] = after.used - before.used
    for what, growth in growths.items():
        if growth > MEMORY_LIMIT:
            yield f"{what} has grown by {growth / 1024:.0f} KiB; {MEMORY_LIMIT // 1024} are allowed"


def _table(title: str, counts: Counter[str]) -> list[str]:
    return [f"| {title} | |", "|---|---|", *(f"| {name} | {count} |" for name, count in sorted(counts.items())), ""]


def _memory(what: str, before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return f"| {what} | unknown | unknown |"
    return f"| {what}, KiB | {before // 1024} | {after // 1024} ({(after - before) // 1024:+}) |"
