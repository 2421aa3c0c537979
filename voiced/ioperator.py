"""What the operator of a daemon may do with it from a telephone: the acts behind the step `operator`."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from zope.interface import Interface, implementer

TROUBLE_FACTS = ("kind", "text", "call", "record")
"""What `trouble.` facts there are: see IOperator.report."""
NO_TROUBLE = "none"


@attrs.frozen
class OnCall:
    """Who is rung in trouble, and the flow that tells them."""

    number: str
    """E.164."""
    flow: str


class IOperator(Interface):
    """What the step `operator` asks of the daemon. Nothing here waits, and nothing fails."""

    def report() -> Mapping[str, str]:
        """What broke last, each of TROUBLE_FACTS: `kind` (a kind of voiced.watch.trouble, or NO_TROUBLE), `text` (a
        sentence), `call` (the SID of a call that it befell, or ""), `record` (that call's record, or the last failed
        one's, in sentences; nothing of a caller)."""

    def all_to_human() -> str:
        """Connect every new call with `human:`, or if that is so already, no more. What is so from now on: `on` or
        `off`; `no_human` where the settings name none. A reload puts it off."""

    def last_good_flows() -> str:
        """Have new calls follow the flows, voices, agents and numbers from before the last reload: `done`, or `none`
        where there are none. Keys, rules and accounts stay as they are."""


@implementer(IOperator)
class Unoperated:
    """A daemon that nobody can do anything with by telephone: one without files."""

    def report(self) -> dict[str, str]:
        """See IOperator."""
        return dict.fromkeys(TROUBLE_FACTS, "") | {"kind": NO_TROUBLE}

    def all_to_human(self) -> str:
        """See IOperator."""
        return "no_human"

    def last_good_flows(self) -> str:
        """See IOperator."""
        return "none"
