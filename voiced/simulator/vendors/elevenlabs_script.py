"""What an ElevenLabs agent does in a conversation, line by line.

    [Says("Hello."), AwaitsSpeech(), Hears("Is Ann in?"), CallsTool("transfer_call", {"to": "ann"}), Ends()]

Each line begins when the one before is done; times are in seconds of the double's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from twisted.internet.defer import Deferred

from voiced.simulator.vendors.script import Playable

if TYPE_CHECKING:
    from voiced.simulator.vendors.elevenlabs_talk import Conversation

Line = Playable["Conversation"]
Script = Sequence[Line]


@frozen
class Says:
    """The agent says this; see `Conversation.says`. Done when all of it is sent, or was cut."""

    text: str
    pieces: int = field(default=1, kw_only=True)
    pace: float = field(default=0.0, kw_only=True)
    audio: bytes | None = field(default=None, kw_only=True)

    def play(self, talk: Conversation) -> Deferred[Any]:
        """See Playable."""
        return talk.says(self.text, pieces=self.pieces, pace=self.pace, audio=self.audio)


@frozen
class Waits:
    """Nothing, for so many seconds."""

    seconds: float

    def play(self, talk: Conversation) -> Deferred[Any]:
        """See Playable."""
        return talk.waits(self.seconds)


@frozen
class AwaitsSpeech:
    """Until the caller has spoken, and stopped."""

    def play(self, talk: Conversation) -> Deferred[Any]:
        """See Playable."""
        return talk.when_spoken()


@frozen
class AwaitsQuiet:
    """Until all that was said has had the time to be heard."""

    def play(self, talk: Conversation) -> Deferred[Any]:
        """See Playable."""
        return talk.waits(talk.unheard)


@frozen
class Hears:
    """The caller is understood so."""

    text: str

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.hears(self.text)


@frozen
class CallsTool:
    """A client tool is called. Done when its result has come, unless `wait` is False."""

    name: str
    parameters: Mapping[str, Any] = field(factory=dict)
    wait: bool = field(default=True, kw_only=True)

    def play(self, talk: Conversation) -> Deferred[Any] | None:
        """See Playable."""
        result = talk.calls_tool(self.name, self.parameters)
        return result if self.wait else None


@frozen
class Interrupts:
    """The caller is noticed to speak: what was said so far is not to be heard any more."""

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.interrupts()


@frozen
class Corrects:
    """What of a text was heard."""

    original: str
    corrected: str

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.corrects(self.original, self.corrected)


@frozen
class Pings:
    """A ping. Done when its pong has come."""

    ping_ms: int | None = None

    def play(self, talk: Conversation) -> Deferred[Any]:
        """See Playable."""
        return talk.pings(ping_ms=self.ping_ms)


@frozen
class Sends:
    """This goes over the wire as it is: JSON text, nonsense, or bytes for a binary message."""

    raw: str | bytes

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.sends(self.raw)


@frozen
class Ends:
    """The agent hangs up with its tool `end_call`."""

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.ends()


@frozen
class Fails:
    """An error, and the close that follows it."""

    code: int = 1011
    error_type: str = "unknown_websocket_crash"
    message: str = "Something broke"

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.fails(self.code, self.error_type, self.message)


@frozen
class Drops:
    """The connection breaks."""

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.drops()


@frozen
class Stalls:
    """Nothing is sent any more; with `deaf`, nothing read either."""

    deaf: bool = False

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.stalls(self.deaf)


@frozen
class Floods:
    """Audio without an end, far faster than it can be heard; with `size`, one message of so many bytes instead."""

    size: int | None = None

    def play(self, talk: Conversation) -> None:
        """See Playable."""
        talk.floods(self.size)
