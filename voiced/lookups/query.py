"""The question that a lookup asks a database: one SELECT, with named places for parameters.

What is refused here are slips of the pen; that nothing is changed, the database itself sees to
(voiced.lookups.database).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import TextClause, text

_QUIET = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$""",
    re.DOTALL | re.ASCII,
)
"""Texts, quoted names and comments: what stands in them says nothing of what is done."""
_READS = re.compile(r"[(\s]*(select|with)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(insert|update|delete|merge|into)\b", re.IGNORECASE)
"""The words by which a statement that begins with SELECT or WITH could still change something, or lock it."""
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?![:\w])")
"""As SQLAlchemy finds them."""
_CAST = re.compile(r"(?<![:\w\\]):(\w+)::")
"""PostgreSQL's short form of a cast, which SQLAlchemy takes for no parameter."""
_FACT = re.compile(r"\{\s*(?:call|party|agent|menu)\.[\w.|-]+\s*\}")


def query(written: str, parameters: Iterable[str]) -> TextClause:
    """The statement. Raises ValueError with a sentence when it is not one SELECT, or `parameters` are not its own."""
    bare = _QUIET.sub(lambda quiet: " " if quiet["comment"] else " x ", written).strip().removesuffix(";")
    _check_reads(written, bare)
    _check_places(written, bare, set(parameters))
    statement = text(written.strip().removesuffix(";"))
    _compare(set(statement.compile().params), set(parameters))
    return statement


def _check_reads(written: str, bare: str) -> None:
    if "/*!" in written:
        raise ValueError("`query` has a comment that MySQL carries out (/*!): take it out")
    if any(quote in bare for quote in "'\"`"):
        raise ValueError("`query` has a quote that is not closed")
    if ";" in bare:
        raise ValueError("`query` must be one statement: take out the `;` and what follows it")
    if not _READS.match(bare):
        raise ValueError("`query` must begin with SELECT or WITH: a lookup only reads")
    if word := _WRITES.search(bare):
        raise ValueError(
            f"`query` has the word {word[0].upper()}, and a lookup only reads: put the name of a column in quotes"
        )


def _check_places(written: str, bare: str, parameters: set[str]) -> None:
    """What looks like a place for a parameter, and is none."""
    if fact := _FACT.search(written):
        raise ValueError(f'`query` has {fact[0]}: write :name there, and `parameters: {{name: "{fact[0]}"}}`')
    if cast := _CAST.search(bare):
        raise ValueError(f"`query` has {cast[0]}: write CAST(:{cast[1]} AS …)")
    quiet = (name for piece in _QUIET.finditer(written) for name in _PARAMETER.findall(piece[0]))
    for name in quiet:
        if name in parameters:
            raise ValueError(
                f"`query` has :{name} in quotes or in a comment: there it is no parameter; take them away"
            )


def _compare(places: set[str], parameters: set[str]) -> None:
    for name in sorted(places - parameters):
        raise ValueError(
            f"`query` has :{name}, and `parameters` has no {name!r} (a colon that is none is written `\\:`)"
        )
    for name in sorted(parameters - places):
        raise ValueError(f"`parameters` has {name!r}, and `query` has no :{name}: take it out, or use it")
