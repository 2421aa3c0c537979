"""The books of one account at the carrier: its calls, what was asked of its API, and how that is to go wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from math import inf

from attrs import define, field, frozen

from voiced.simulator.account import Account
from voiced.simulator.call import SimulatedCall
from voiced.simulator.child import ChildCall
from voiced.simulator.orders import Order
from voiced.simulator.texts import Text
from voiced.simulator.webhook import Exchanged


@define(eq=False)
class RestRequest:
    """What somebody asked for, and what they were answered."""

    method: str
    path: str
    """As it was sent, without the query."""
    query: list[tuple[str, str]] = field(factory=list)
    fields: list[tuple[str, str]] = field(factory=list)
    """Of the form in the body; a name may come several times."""
    content_type: str = ""
    """Of the body."""
    scheme: str = ""
    """How its sender proves who they are: `Basic`; what they said is not kept."""
    status: int = 0
    """HTTP status of the answer; 0 while there is none."""
    response: bytes = b""
    """The answer's body, a JSON document."""

    @property
    def form(self) -> dict[str, str]:
        """The form's fields; of a name that comes several times the last."""
        return dict(self.fields)


@frozen
class Fault:
    """How a request goes wrong."""

    done: bool
    """Whether what was asked for is done all the same."""
    status: int | None = None
    """The HTTP status it is answered with, where it is not done; None: no answer."""
    late: float = 0.0
    """Seconds after which the answer comes, where it is done."""


FINE = Fault(done=True)
LOST = Fault(done=True, late=inf)


@define(eq=False)
class Ledger:
    """The calls and texts of one account, and how its API behaves."""

    account: Account
    place: Callable[[Order], SimulatedCall]
    """Begins a call that was asked for."""
    exchanged: Iterable[Exchanged] = ()
    """What was asked of the daemon, and answered."""
    calls: dict[str, SimulatedCall] = field(factory=dict)
    texts: list[Text] = field(factory=list)
    on_text: Callable[[Text], object] | None = None
    """Called with each of them."""
    requests: list[RestRequest] = field(factory=list)
    faults: deque[Fault] = field(factory=deque)
    """Of the next requests, one each."""

    def take(self, text: Text) -> None:
        """A text that was asked for, and cannot be refused any more."""
        self.texts.append(text)
        if self.on_text is not None:
            self.on_text(text)

    @property
    def everything(self) -> dict[str, SimulatedCall | ChildCall]:
        """Every call, those that <Dial> has made too, by SID, in the order in which they began."""
        found: list[SimulatedCall | ChildCall] = [*self.calls.values()]
        found += [child for call in self.calls.values() for child in call.children]
        return {call.sid: call for call in sorted(found, key=lambda call: call.rang_at)}

    @property
    def live(self) -> int:
        """How many calls there are now."""
        return sum(not call.over for call in self.calls.values())
