"""What is wrong with a YAML text that cannot be parsed, said for somebody who writes call flows.

A parser says where it could not go on, which is often lines behind the slip. Each guess below knows one kind of slip,
and says where to act; the first that knows what it sees is believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import attrs

from voiced.errors import Fault

DEEPEST = 50
"""Levels of nesting: more is a slip of the pen, and would be Python's recursion limit at last."""
NESTED = f"nested more than {DEEPEST} levels deep"
"""What is said of one that nests deeper."""

_STARTS = {
    "*": "`*` begins an alias",
    "&": "`&` begins an anchor",
    "@": "`@` is reserved",
    "`": "a backquote is reserved",
    "%": "`%` begins a directive",
    "|": "`|` begins a text of several lines",
    ">": "`>` begins a text of several lines",
}
_UNCLOSED = (
    "is never closed; in {…} and […] an unquoted `#` begins a comment, and an unquoted comma or colon ends the text: "
    "put texts in quotes"
)
_DASHLESS = (
    "this line lacks its `- `: each step begins with one, its settings have a colon and stand deeper, and the name "
    "of a node stands where those of the others do"
)
_NAMED = re.compile(r"""\s*(?:- +)?(?:"[^"]*"|'[^']*'|[^\s"'{\[#:][^:]*):(?:\s|$)""")
"""A line that begins with a name and its colon."""


class Quoted(NamedTuple):
    """A text in quotes that was read: where it begins and where it ends, from 1; `mark` is the quote."""

    mark: str
    begin: tuple[int, int]
    end: tuple[int, int]


class Said(NamedTuple):
    """Where somebody has to act, and what there is to do."""

    at: tuple[int, int]
    message: str


def explain(
    error: Any, text: str, file: str, opened: Sequence[tuple[int, int]], quoted: Quoted | None = None
) -> Fault:
    """The fault behind a parser's error.

    `opened` are the places of the `{` and `[` that are open when it comes, `quoted` is what was read last, if it was
    a text in quotes.
    """
    trouble = _Trouble(error, text.splitlines() or [""], opened, quoted)
    said = next(said for guess in _GUESSES if (said := guess(trouble)) is not None)
    return Fault(file, *said.at, said.message)


@attrs.frozen
class _Trouble:
    """Where the parser could not go on, and what stands there."""

    error: Any
    lines: Sequence[str]
    opened: Sequence[tuple[int, int]]
    quoted: Quoted | None

    @property
    def at(self) -> tuple[int, int]:
        """Line and column, from 1."""
        return self.error.problem_mark.line + 1, self.error.problem_mark.column + 1

    @property
    def begun(self) -> tuple[int, int] | None:
        """Where that begins which the parser was reading."""
        mark = self.error.context_mark
        return None if mark is None else (mark.line + 1, mark.column + 1)

    @property
    def problem(self) -> str:
        """The parser's own words."""
        return str(self.error.problem)

    @property
    def found(self) -> str:
        """The character there; "" at the end of the file, "\\n" at that of a line."""
        return self.character(self.at)

    @property
    def begins_line(self) -> bool:
        """Whether nothing stands before it in its line."""
        line, column = self.at
        return not self.line(line)[: column - 1].strip()

    @property
    def above(self) -> int:
        """The nearest line above that says something; 0: there is none."""
        return self.before(self.at[0])

    def before(self, line: int) -> int:
        """The nearest line above that one that says something; 0: there is none."""
        return next((each for each in range(line - 1, 0, -1) if _says(self.line(each))), 0)

    def line(self, number: int) -> str:
        """A line, from 1; "" where there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def character(self, at: tuple[int, int]) -> str:
        """The character at a place."""
        line, column = at
        text = self.line(line)
        if column <= len(text):
            return text[column - 1]
        return "\n" if line < len(self.lines) else ""

    def start_of(self, line: int) -> tuple[int, int]:
        """Where the text of a line begins."""
        return line, _indent(self.line(line)) + 1


def _nested(trouble: _Trouble) -> Said | None:
    """libyaml since 0.2.6 has a bound of its own (1000), which brackets in one line reach before any is told."""
    return Said(trouble.at, NESTED) if "nesting depth" in trouble.problem else None


def _tab(trouble: _Trouble) -> Said | None:
    return Said(trouble.at, "a tab; indent with spaces") if trouble.found == "\t" else None


def _in_quotes(trouble: _Trouble) -> Said | None:
    """The parser has not come out of the quotes."""
    begun = trouble.begun
    if "quoted scalar" not in str(trouble.error.context) or begun is None:
        return None
    if "escape" in trouble.problem:
        return Said(begun, "an unknown \\ in \"…\": write \\\\ for a plain backslash, or use '…'")
    return Said(begun, f"the quote {trouble.character(begun)} that begins here is never closed")


def _behind_quotes(trouble: _Trouble) -> Said | None:
    """Something stands right behind quotes that are closed: they were closed too early, or too late."""
    quoted, (line, column) = trouble.quoted, trouble.at
    if quoted is None or quoted.end[0] != line or trouble.line(line)[quoted.end[1] - 1 : column - 1].strip():
        return None
    mark, last = quoted.mark, (line, quoted.end[1] - 1)
    if quoted.begin[0] < line:
        why = f"the quote {mark} that begins here is not closed before line {line}"
        return Said(quoted.begin, f"{why}: close it where its text ends")
    if trouble.found in ":,}]":
        return None
    if column > quoted.end[1]:
        missing = ", or write the comma that is missing" if trouble.opened else ""
        return Said(trouble.at, f"the text has ended with the quote before: put the whole of it in quotes{missing}")
    instead = "write '' for an apostrophe, or use \"…\"" if mark == "'" else "write \\\" for it, or use '…'"
    return Said(last, f"this {mark} ends the text that began with {mark}, and it goes on: {instead}")


def _open_braces(trouble: _Trouble) -> Said | None:
    """The file ends, or another line begins, and braces are open."""
    if not trouble.opened:
        return None
    at, (line, column) = trouble.opened[-1], trouble.at
    first = not re.search(r"[,{}\[\]\"']", trouble.line(line)[: column - 1])
    further = first and line > at[0] and not trouble.line(trouble.above).rstrip().endswith((",", "{", "["))
    if trouble.found == "" or (further and trouble.found not in "}],"):
        return Said(at, f"this `{trouble.character(at)}` {_UNCLOSED}")
    return None


def _in_braces(trouble: _Trouble) -> Said | None:
    if not trouble.opened:
        return None
    return Said(
        trouble.at,
        f"{trouble.found!r} does not belong here; in {{…}} and […] an unquoted comma or colon ends the text: "
        "put the text in quotes",
    )


def _behind_braces(trouble: _Trouble) -> Said | None:
    """A text that begins with a brace, and goes on behind the other one; or one brace too many."""
    line, column = trouble.at
    value = re.match(r"(?:\s*- +)?(?:[^{\[:]*: +)?(?=[{\[])", trouble.line(line))
    before = trouble.line(line)[: column - 1].rstrip()
    if value is None or not before.endswith(("}", "]")):
        return None
    if trouble.found in "}]":
        return Said(trouble.at, f"this `{trouble.found}` closes nothing: take it out, or put the text in quotes")
    at = line, value.end() + 1
    return Said(at, f"`{trouble.character(at)}` is syntax: put a text that begins with it in quotes, the whole of it")


def _sign(trouble: _Trouble) -> Said | None:
    """A text that begins with what means something else."""
    begins = "" if trouble.begun is None else trouble.character(trouble.begun)
    mark = begins if begins in _STARTS else trouble.found
    if mark not in _STARTS:
        return None
    return Said(trouble.at, f"{_STARTS[mark]}: put a text that begins with it in quotes")


def _glued(trouble: _Trouble) -> Said | None:
    """A dash or a colon without its space, here or in the line above."""
    for line in (trouble.above, trouble.at[0]):
        text = trouble.line(line)
        if re.match(r"\s*-[A-Za-z]", text):
            return Said(trouble.start_of(line), "a space is missing behind this `-`")
        if found := re.match(r"\s*[A-Za-z_]\w*:(?=[^\s/:])", text):
            return Said((line, found.end()), "a space is missing behind this colon")
    return None


def _second_colon(trouble: _Trouble) -> Said | None:
    line, column = trouble.at
    if trouble.found != ":" or not re.search(r":\s", trouble.line(line)[: column - 1]):
        return None
    return Said(trouble.at, "a second colon in the line: put the whole text behind the first one in quotes")


def _dashless(trouble: _Trouble) -> Said | None:
    """A line beside steps that is none, here or above: its dash is missing."""
    for line in (trouble.above, trouble.at[0]):
        text, before = trouble.line(line), trouble.line(trouble.before(line))
        if not _says(text) or _dashed(text):
            continue
        below = trouble.line(trouble.at[0]) if line == trouble.above else ""
        beside = [each for each in (before, below) if _dashed(each)]
        if any(_indent(each) == _indent(text) for each in beside):
            return Said(trouble.start_of(line), _DASHLESS)
        if _dashed(before) and not _NAMED.match(text) and _indent(text) == _indent(before) + 2:
            return Said(trouble.start_of(line), _DASHLESS)
    return None


def _colonless(trouble: _Trouble) -> Said | None:
    """A line with a name and no colon, which the parser took for the beginning of a text."""
    line = trouble.above
    if not line or _NAMED.match(trouble.line(line)):
        return None
    if trouble.found != ":" and "expected ':'" not in trouble.problem:
        return None
    return Said(
        trouble.start_of(line), "a colon is missing in this line: write `name: value`, or `name:` before more"
    )


def _misplaced_list(trouble: _Trouble) -> Said | None:
    if "not allowed" not in trouble.problem or trouble.begins_line or trouble.found == ":":
        return None
    return Said(
        trouble.at, f"{trouble.found!r} may not stand here: put the list on lines of its own, or the text in quotes"
    )


def _too_deep(trouble: _Trouble) -> Said | None:
    """A line that stands deeper than one that has all its value already."""
    line = trouble.at[0]
    if not (trouble.begins_line or trouble.found == ":") or not trouble.above:
        return None
    if _indent(trouble.line(line)) <= _indent(trouble.line(trouble.above)):
        return None
    return Said(
        trouble.start_of(line),
        f"this line is indented too far, for line {trouble.above} is complete: indent it as its neighbours are, or "
        "put a text of several lines in quotes",
    )


def _syntax(trouble: _Trouble) -> Said | None:
    if trouble.found == "" or trouble.found not in "{}[],!":
        return None
    return Said(trouble.at, f"{trouble.found!r} is syntax: put a text that has it in quotes")


def _indented(trouble: _Trouble) -> Said:
    return Said(
        trouble.at,
        "this line does not fit the ones above: indent it as its neighbours are, and put the whole of a text in "
        "quotes, or nothing of it",
    )


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _dashed(line: str) -> bool:
    return line.lstrip().startswith("- ") or line.strip() == "-"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


_GUESSES: tuple[Callable[[_Trouble], Said | None], ...] = (
    *(_nested, _tab, _in_quotes, _behind_quotes, _open_braces, _sign, _in_braces, _behind_braces),
    *(_glued, _second_colon, _dashless, _colonless, _misplaced_list, _too_deep, _syntax, _indented),
)
