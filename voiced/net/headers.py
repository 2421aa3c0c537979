"""Headers that an operator has us send: which there may be, and what may stand in them. Pure."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)
_NOT_YOURS = ("host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "expect")
"""Headers that say how the request itself is sent."""


def check_header(name: str, value: str) -> None:
    """Raises ValueError with a sentence, which does not repeat the value, when this cannot be sent."""
    if not _NAME.fullmatch(name) or name.lower() in _NOT_YOURS:
        raise ValueError(f"{name!r} is no header that can be set")
    if not _VALUE.fullmatch(value):
        raise ValueError(f"{name!r} holds a line break, or what is not ASCII")
