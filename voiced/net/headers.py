"""The headers of a request to a web service, as its operator writes them: what may be set, and what they hold."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)
_NOT_YOURS = ("host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "expect")
"""Headers that say how the request itself is sent."""


def is_settable(name: str) -> bool:
    """Whether this is a header's name, and a header that one may set."""
    return bool(_NAME.fullmatch(name)) and name.lower() not in _NOT_YOURS


def is_value(text: str) -> bool:
    """Whether this can stand in a header: on one line, in ASCII, not empty and without space round it."""
    return bool(_VALUE.fullmatch(text))
