"""A trouble that an operator is rung for, and when something is one.

| kind | when |
|---|---|
| `voice`, `agent` | VENDOR_FAILURES failures of the same one within VENDOR_SECONDS, and no success between |
| `quota` | at once, when a vendor says that the plan is used up |
| `disk`, `journal`, `store` | at once, when /health/ready has that word |
| `killed` | at the start, when the daemon before was killed, or has crashed, under KILLED_CALLS live calls and more |
| `errors` | of CALLS and more calls that ended within CALLS_SECONDS, more than FAILED_SHARE ended `failed` or `bug` |
"""

from __future__ import annotations

from typing import Literal

import attrs

VENDOR_FAILURES, VENDOR_SECONDS = 3, 300.0
CALLS, CALLS_SECONDS, FAILED_SHARE = 10, 600.0, 0.2
KILLED_CALLS = 3

Kind = Literal["voice", "agent", "quota", "disk", "journal", "store", "killed", "errors"]


@attrs.frozen
class Trouble:
    """What broke."""

    kind: Kind
    text: str
    """A sentence for the operator; nothing of a caller is in it."""
    call: str = ""
    """The SID of a call that it befell."""
    who: str = ""
    """The voice or agent, as voiced.yaml calls it."""

    def is_again(self, other: Trouble | None) -> bool:
        """Whether it is the same as the other, at a later time."""
        return other is not None and (self.kind, self.who) == (other.kind, other.who)


PLACES: dict[str, Trouble] = {
    "disk": Trouble("disk", "The disk of the data directory is full, or does not answer."),
    "journal": Trouble("journal", "The journal cannot be written."),
    "store": Trouble("store", "The database cannot be written."),
}
"""The troubles that a look at the data directory finds, by the words of /health/ready."""
