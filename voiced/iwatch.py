"""How the daemon is: how late, how loaded, and what happens on its calls, for whoever counts. voiced.ivoiced has the
rules."""

from __future__ import annotations

import attrs
from zope.interface import Attribute, Interface, implementer

from voiced.call.records import CallRecord

AGENT_TROUBLE = ("late", "silent", "unreachable", "quota", "refused", "lost", "fault", "failed")
"""Kinds of an agent's trouble; `fault` is a bug of ours or the plugin's, `failed` what has no word of its own."""
VOICE_TROUBLE = ("late", "stalled", "silent", "unreachable", "quota", "busy", "key", "refused", "fault", "failed")
"""Kinds of a voice's."""


class ILag(Interface):
    """How late the reactor is: what waits for it (a frame, a timer, a webhook) waits that long besides."""

    p95: float = Attribute("Seconds that it was late at most, in 95 of 100 moments of the last five seconds.")


class ILoad(Interface):
    """What the live calls cost this machine now."""

    lag: ILag = Attribute("How late the reactor is.")

    def memory() -> int | None:
        """Bytes of this process that are resident; None where nobody can say. Never waits for a disk."""


@attrs.define
class Traffic:
    """What has gone over the streams of all calls: plain numbers, for they are added to with every frame."""

    frames_in: int = 0
    """Media messages of callers, ..."""
    bytes_in: int = 0
    """... and their audio, mu-law."""
    frames_out: int = 0
    """Media messages to callers: of any length."""
    bytes_out: int = 0


class IWatch(Interface):
    """Is told what happens on calls, where it happens. Nothing here raises, waits, or costs more than an addition.

    A `kind` of error is a word of ours, never a vendor's.
    """

    lag: ILag = Attribute("How late the reactor is.")
    traffic: Traffic = Attribute("Whoever passes a frame on adds to it.")

    def first_audio(seconds: float) -> None:
        """A caller hears something of us, so long after the start of the call's stream. Once a call."""

    def dead_air(seconds: float) -> None:
        """For so long nobody was heard, and it was our turn, or an agent's. Short silences are told, too."""

    def mark_late() -> None:
        """The carrier has played something far later than it had to: what lies between us is slow."""

    def stream_stalled() -> None:
        """The carrier does not say any more what it has played."""

    def agent_ready(seconds: float) -> None:
        """An agent is there, so long after the line was handed over."""

    def agent_failed(kind: str, agent: str = "", call: str = "") -> None:
        """An agent has lost the line in disorder: one of AGENT_TROUBLE. `agent`: its name in voiced.yaml; `call`: the
        call's SID."""

    def interrupted(seconds: float) -> None:
        """What an agent was saying is silenced, so long after we read that the caller interrupts."""

    def voice_failed(kind: str, voice: str = "", call: str = "") -> None:
        """A voice could not speak: one of VOICE_TROUBLE. Its fallback may have. Names as agent_failed has them."""

    def voice_spoke(voice: str) -> None:
        """A voice has spoken something that was not kept: whoever is behind it is well."""

    def speech_kept(hit: bool) -> None:
        """A prompt that is kept was asked for; `hit`: it cost no synthesis."""

    def ended(record: CallRecord) -> None:
        """A call is over, or was refused, and this is all of it."""


@implementer(ILag)
@attrs.frozen
class Punctual:
    """A reactor of which nobody knows that it is late."""

    p95: float = 0.0


@implementer(IWatch)
@attrs.frozen
class Unwatched:
    """Nobody counts."""

    lag: ILag = attrs.field(factory=Punctual)
    traffic: Traffic = attrs.field(factory=Traffic)

    def first_audio(self, seconds: float) -> None:
        """See IWatch."""

    def dead_air(self, seconds: float) -> None:
        """See IWatch."""

    def mark_late(self) -> None:
        """See IWatch."""

    def stream_stalled(self) -> None:
        """See IWatch."""

    def agent_ready(self, seconds: float) -> None:
        """See IWatch."""

    def agent_failed(self, kind: str, agent: str = "", call: str = "") -> None:
        """See IWatch."""

    def interrupted(self, seconds: float) -> None:
        """See IWatch."""

    def voice_failed(self, kind: str, voice: str = "", call: str = "") -> None:
        """See IWatch."""

    def voice_spoke(self, voice: str) -> None:
        """See IWatch."""

    def speech_kept(self, hit: bool) -> None:
        """See IWatch."""

    def ended(self, record: CallRecord) -> None:
        """See IWatch."""
