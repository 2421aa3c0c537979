"""What is wrong with a YAML text that cannot be parsed, said for somebody who writes call flows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from voiced.errors import Fault

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


def explain(error: Any, text: str, file: str, opened: Sequence[tuple[int, int]]) -> Fault:
    """The fault behind a parser's error. `opened` are the places of the `{` and `[` that are open when it comes."""
    lines = text.splitlines() or [""]
    mark = error.problem_mark
    line, column = mark.line + 1, mark.column + 1
    found = _character(lines, line, column)
    start = error.context_mark
    begins = _character(lines, start.line + 1, start.column + 1) if start else ""
    problem = str(error.problem)
    if found == "" and opened:
        line, column = opened[-1]
        message = f"this `{_character(lines, line, column)}` {_UNCLOSED}"
    elif "quoted scalar" in str(error.context):
        line, column = start.line + 1, start.column + 1
        message = _in_quotes(problem, begins)
    elif found == "\t":
        message = "a tab; indent with spaces"
    elif (mark_ := begins if begins in _STARTS else found) in _STARTS:
        message = f"{_STARTS[mark_]}: put a text that begins with it in quotes"
    else:
        message = _misplaced(problem, found, bool(opened))
    return Fault(file, line, column, message)


def _in_quotes(problem: str, quote: str) -> str:
    if "escape" in problem:
        return "an unknown \\ in \"…\": write \\\\ for a plain backslash, or use '…'"
    return f"the quote {quote} that begins here is never closed"


def _misplaced(problem: str, found: str, in_braces: bool) -> str:
    if in_braces:
        return (
            f"{found!r} does not belong here; in {{…}} and […] an unquoted comma or colon ends the text: "
            "put the text in quotes"
        )
    if found == ":":
        return "a second colon in the line, or a line indented too far: put a text with `: ` in quotes"
    if "not allowed" in problem:
        return f"{found!r} may not stand here: put the list on lines of its own, or the text in quotes"
    if found in ("{", "}", "[", "]", ",", "!"):
        return f"{found!r} is syntax: put a text that has it in quotes"
    return (
        "this line does not fit the ones above: indent it as its neighbours are, "
        "and put the whole of a text in quotes, or nothing of it"
    )


def _character(lines: Sequence[str], line: int, column: int) -> str:
    """The character at a place; "" at the end of the file, "\\n" at the end of a line."""
    if line > len(lines):
        return ""
    text = lines[line - 1]
    if column <= len(text):
        return text[column - 1]
    return "\n" if line < len(lines) else ""
