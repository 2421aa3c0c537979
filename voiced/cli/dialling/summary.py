"""What became of a whole list, in a few lines: how many rows have come how far, and how."""

from __future__ import annotations

from voiced.cli.dialling.results import Result, Results

MOST_HOWS = 8
"""Ways of one result that are told apart: a flow with reasons of its own has a handful."""


def summary(results: Results) -> str:
    """A table: `12  done: confirmed 7, no key 3, completed 2`."""
    counts = results.counts()
    rows = [(counts[each], _described(each, results)) for each in Result if counts[each]]
    table = [f"{count:>8}  {words}" for count, words in [*rows, (counts.total(), "in all")]]
    return "\n".join(["", *table, f"          {results.path}"])


def _described(result: Result, results: Results) -> str:
    hows = results.hows(result).most_common()
    told = [f"{how} {count}" for how, count in hows[:MOST_HOWS]]
    if others := sum(count for _, count in hows[MOST_HOWS:]):
        told.append(f"others {others}")
    word = result.value or "not called yet"
    return f"{word}: {', '.join(told)}" if told else word
