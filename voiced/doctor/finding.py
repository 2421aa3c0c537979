"""What a check has found: pass, fail or not asked, in a sentence, with the fix."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import attrs


class Verdict(enum.Enum):
    """How it is."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNASKED = "not asked"
    """Nobody could be asked, or there is nothing to ask: `says` tells why."""


Mend: TypeAlias = "Callable[[], Awaitable[Finding]]"


@attrs.frozen
class Finding:
    """One of them. `mend` sets right what `--fix` may set right, and gives what is found afterwards."""

    check: str
    """dns, public url, tls, signature, account, number, alerts, clock, agent …"""
    verdict: Verdict
    says: str
    fix: str = ""
    """What to do, in a line; for what failed."""
    about: str = ""
    """Which account, number or agent."""
    mend: Mend | None = attrs.field(default=None, repr=False, eq=False)


def good(check: str, says: str, about: str = "") -> Finding:
    """All is well."""
    return Finding(check, Verdict.PASS, says, about=about)


def bad(check: str, says: str, fix: str, about: str = "", mend: Mend | None = None) -> Finding:
    """It is not."""
    return Finding(check, Verdict.FAIL, says, fix, about, mend)


def unasked(check: str, why: str, about: str = "") -> Finding:
    """It is not known."""
    return Finding(check, Verdict.UNASKED, why, about=about)
