"""What a soak prints."""

from __future__ import annotations

from collections import Counter

from bench.soak.soak import MEMORY_LIMIT, Result

MOST_FOUND = 40


def tables(result: Result) -> str:
    """How it went, as Markdown tables."""
    before, after = result.before, result.after
    growth = after.memory - before.memory
    ended = sum(result.books.endings.values())
    summary = (
        f"seed {result.seed}: {result.calls} calls at the carrier, {ended} ended in the journal; at once "
        f"{result.most_live}; {result.seconds:.0f} s, {result.calls / max(result.seconds, 0.001):.1f} calls/s, "
        f"{result.passed / 3600:.1f} h of the fake clock"
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
        f"| resident memory, KiB | {before.memory // 1024} | {after.memory // 1024} ({growth // 1024:+}) |",
        f"| threads | {before.threads} | {after.threads} |",
        f"| open files | {before.files} | {after.files} |",
        "",
    ]
    lines += [f"- {each}" for each in result.found[:MOST_FOUND]]
    if len(result.found) > MOST_FOUND:
        lines.append(f"- and {len(result.found) - MOST_FOUND} more")
    return "\n".join(lines)


def too_big(result: Result) -> str | None:
    """What is wrong with the memory, if anything."""
    growth = result.after.memory - result.before.memory
    if growth <= MEMORY_LIMIT:
        return None
    return f"resident memory has grown by {growth / 1024:.0f} KiB; {MEMORY_LIMIT // 1024} are allowed"


def _table(title: str, counts: Counter[str]) -> list[str]:
    return [f"| {title} | |", "|---|---|", *(f"| {name} | {count} |" for name, count in sorted(counts.items())), ""]
