"""What the sources say of a Struct and its fields: editors show it at each setting.

A field is told of by the text below it, the comment above, or a sentence of the docstring; a Struct by its docstring.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec


def of_struct(struct: Any) -> str:
    """Its docstring, a paragraph a line."""
    own = inspect.cleandoc(struct.__doc__ or "")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in own.split("\n\n"))


def of_field(struct: type[msgspec.Struct], name: str) -> str:
    """What stands at the field where it is declared, else the sentences of the docstring that name it; or ""."""
    for each in struct.__mro__:
        if name in (found := _fields(each)):
            return found[name]
    sentences = re.split(r"(?<=[.;])\s+", of_struct(struct))
    return " ".join(sentence for sentence in sentences if re.search(rf"`{re.escape(name)}[`:]", sentence))


@cache
def _fields(struct: type) -> Mapping[str, str]:
    try:
        lines = textwrap.dedent(inspect.getsource(struct)).splitlines()
        body = ast.parse("\n".join(lines)).body
    except (OSError, TypeError, SyntaxError):  # made by a program, or without its source
        return {}
    return _declared(body[0], lines) if body and isinstance(body[0], ast.ClassDef) else {}


def _declared(written: ast.ClassDef, lines: list[str]) -> dict[str, str]:
    found = {}
    for statement, below in zip(written.body, [*written.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = _text(below) or _above(lines, statement.lineno)
    return {name: text for name, text in found.items() if text}


def _text(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return " ".join(str(statement.value.value).split())
    return ""


def _above(lines: list[str], line: int) -> str:
    """The comment that ends in the line before this one (from 1)."""
    comment: list[str] = []
    for text in reversed(lines[: line - 1]):
        if not text.strip().startswith("#"):
            break
        comment.insert(0, text.strip().removeprefix("#").strip())
    return " ".join(comment)
