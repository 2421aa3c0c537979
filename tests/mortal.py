"""What a daemon has that may be killed: nothing of it happens any more afterwards, as with a process that is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock

from voiced.testing.clock import StrictClock


class MortalCall:
    """A delayed call, which may be over because its clock is dead; whoever has it may treat it as ever."""

    def __init__(self, call: IDelayedCall, clock: MortalClock) -> None:
        self._call = call
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        """What the real one has."""
        real = getattr(self._call, name)
        return (lambda *_: False) if self._clock.dead and name != "getTime" else real


class MortalClock(StrictClock):
    """A clock on another one: what was to happen on it does not, once it is dead."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._pending: list[IDelayedCall] = []
        self.dead = False

    def seconds(self) -> float:
        """See IReactorTime."""
        return self._clock.seconds()

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - its signature
        *args: object,
        **kw: object,
    ) -> IDelayedCall:
        """See IReactorTime."""
        call = self._clock.callLater(delay, callable, *args, **kw)
        self._pending = [one for one in self._pending if one.active()]
        self._pending.append(call)
        if self.dead:
            call.cancel()
        return MortalCall(call, self)  # type: ignore[return-value]

    def die(self) -> None:
        """Nothing happens any more."""
        self.dead = True
        for call in self._pending:
            if call.active():
                call.cancel()


class Mortal:
    """Anything that a daemon writes to: `write` and `keep` reach it until it is dead, and then nothing does."""

    def __init__(self, real: Any, clock: MortalClock) -> None:
        self._real = real
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        """What the real one has."""
        real = getattr(self._real, name)
        return (lambda *_, **__: Deferred()) if self._clock.dead else real


class Waiting(Protocol):
    """A connection that nobody has accepted yet."""

    def __init__(self) -> None:
        self.sent = b""

    def dataReceived(self, data: bytes) -> None:
        """Named by Twisted."""
        self.sent += data


class Backlog(Factory):
    """A listening socket that systemd holds while there is no daemon: who connects waits for the next one."""

    noisy = False

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def buildProtocol(self, addr: Any) -> Waiting:
        """Named by Twisted."""
        self._waiting.append(Waiting())
        return self._waiting[-1]

    def hand_over(self, factory: IProtocolFactory) -> None:
        """The next daemon accepts them."""
        for waiting in self._waiting:
            transport: Any = waiting.transport
            if transport.connected:
                accepted: Any = factory.buildProtocol(transport.getPeer())
                transport.protocol = accepted
                accepted.makeConnection(transport)
                if waiting.sent:
                    accepted.dataReceived(waiting.sent)
