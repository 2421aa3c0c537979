"""What Twilio writes in more than one way, or leaves out, as the one thing that it means. Pure."""

from __future__ import annotations

from typing import Any


def number(written: Any) -> int:
    """A whole number, written as one, or as a text; 0 for whatever is none."""
    try:
        return int(written)
    except (TypeError, ValueError, OverflowError):
        return 0


def address(url: Any) -> str:
    """A URL without what may hold somebody's number: its query, and what stands behind a `#`; "" for what is none."""
    return url.partition("#")[0].partition("?")[0] if isinstance(url, str) else ""
