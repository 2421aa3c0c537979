"""The vendor's end of an agent's socket, as far as it is the same for every vendor: ends, stalls, floods."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

from attrs import Factory, define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater

from voiced.simulator.mulaw import RATE, SILENCE
from voiced.simulator.vendors.agent_audio import from_mulaw
from voiced.simulator.vendors.agent_socket import AgentSocket, SocketEnd
from voiced.simulator.vendors.waiting import Waiting

FLOOD_EVERY = 0.01
"""Seconds between two seconds of audio of a flood: a hundred times as fast as it can be heard."""


@define(eq=False)
class AgentEnd(ABC):
    """What a vendor's end can do, whatever it speaks. On a socket that is over, or stalled, it does nothing."""

    _socket: AgentSocket
    _clock: IReactorTime
    opened_at: float = field(init=False, default=Factory(lambda self: self._clock.seconds(), takes_self=True))
    """Seconds of the clock."""
    closed: SocketEnd | None = field(init=False, default=None)
    """How it ended, once it has."""
    _closing: Waiting[SocketEnd] = field(init=False, factory=Waiting)
    _flood: LoopingCall | None = field(init=False, default=None)

    @property
    @abstractmethod
    def output_format(self) -> str:
        """The format of the agent's audio, by `agent_audio`'s name for it."""

    @abstractmethod
    def stop(self) -> None:
        """Nothing comes by itself any more."""

    @abstractmethod
    def carry(self, sound: bytes) -> dict[str, Any]:
        """The message that carries this audio."""

    def closes(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket, without any message."""
        self._quieten()
        self._socket.close(code, reason)

    def drops(self) -> None:
        """The connection breaks."""
        self._socket.mute()  # what is going on is stopped when the connection is gone: it may be what asks for this
        self._socket.drop()

    def stalls(self, deaf: bool = False) -> None:
        """Nothing is sent any more, whatever is told; what comes is kept. `deaf`: not even read."""
        self._quieten(deaf)

    def floods(self, size: int | None = None) -> None:
        """Send audio without an end, far faster than it can be heard; or one message of `size` bytes of audio."""
        if size is not None:
            self.sends(json.dumps(self.carry(SILENCE * size)))
            return
        self._flood = LoopingCall(self.sends, json.dumps(self.carry(from_mulaw(b"\x10" * RATE, self.output_format))))
        self._flood.clock = self._clock
        self._flood.start(FLOOD_EVERY)

    def sends(self, raw: str | bytes) -> None:
        """This goes over the wire as it is; bytes as a binary message."""
        self._socket.send(raw, isinstance(raw, bytes))

    def waits(self, seconds: float) -> Deferred[Any]:
        """Fires after so many seconds."""
        return deferLater(self._clock, seconds)

    def when_closed(self) -> Deferred[SocketEnd]:
        """Fires when it is over, whoever ended it."""
        return self._closing.wait() if self.closed is None else succeed(self.closed)

    def lost(self, end: SocketEnd) -> None:
        """See SocketOwner."""
        self.closed = end
        self._quieten()
        self._closing.give_up(end)

    def _quieten(self, deaf: bool = False) -> None:
        self._socket.mute(deaf)
        if self._flood is not None and self._flood.running:
            self._flood.stop()
        self.stop()
