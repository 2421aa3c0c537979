"""Every contract of voiced, and the small values that cross them.

A Deferred that one of these returns may be cancelled at any time, and cancelling means *stop*: it then fails with
`CancelledError`, and what it was doing has ended. Audio is always mu-law at 8000 bytes a second (voiced.call.audio);
times are seconds.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from twisted.internet.defer import Deferred
from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from voiced.call.records import CallInfo
from voiced.call.template import Template

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

Deliver = Callable[[bytes], object]


# What is spoken and heard


@attrs.frozen
class Utterance:
    """A text to be spoken. `keep` says that it holds nothing of any caller, so its audio may be stored.

    `call` is the call it is spoken on, for what is logged; two that differ in it alone are the same utterance.
    """

    text: str
    keep: bool = False
    call: str = attrs.field(default="", eq=False)


@attrs.frozen
class Heard:
    """How much of some speech the caller heard, in seconds; `cut` when it was interrupted."""

    seconds: float
    of: float
    cut: bool = False


class ITTSEngine(Interface):
    """A voice: text in, audio out. Plugin kind `voice`."""

    def synthesize(utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """Call `deliver(audio)` as audio arrives, in order, each piece not empty; fire when all is delivered.

        Cancelling stops: nothing is delivered afterwards and the vendor's request ends. Fails with SynthesisError
        (CancelledError when cancelled) only, also for a text that gives no sound at all. `deliver` is called in the
        reactor's thread, never before `synthesize` was called, possibly before it returns. Many run at once.
        """


# Who can take the line


class ILine(Interface):
    """The caller's line, as someone who converses on it uses it."""

    def send_audio(audio: bytes) -> None:
        """Play this to the caller, after what was sent before. The carrier queues it: no pacing is needed."""

    def hear(deliver: Deliver | None) -> None:
        """From now on call `deliver(audio)` with the caller's audio as it arrives (None: no more)."""

    def clear() -> None:
        """Silence what is queued, at once."""

    def when_heard() -> Deferred[None]:
        """Fires when the caller has heard all that was sent so far, or it was cleared."""


@attrs.frozen
class Outcome:
    """How a conversation with an agent ended: a word for `choose`, and facts it leaves behind (`agent.<name>`)."""

    name: str
    facts: Mapping[str, str] = attrs.field(factory=dict)


class IAgent(Interface):
    """Someone who can take the line: a live conversation. Plugin kind `agent`."""

    def converse(line: ILine, call: ICall) -> Deferred[Outcome]:
        """Take the line until the conversation is over; fires with its Outcome.

        Cancelling ends it, at the vendor too. Fails with AgentError (CancelledError when cancelled) only.
        """


class ICallerLookup(Interface):
    """Who is calling? Plugin kind `lookup`."""

    def lookup(call: ICall) -> Deferred[Mapping[str, str]]:
        """Fires with what is known of `call.info.party`, by short name ("name", "vip"); {} when nothing is.

        The flow reads it as `party.<name>`. A slow one is cancelled. Fails with LookupFailed (CancelledError when
        cancelled) only.
        """


# Flows


class End(enum.Enum):
    """What a step answers to end the flow."""

    END = "end"


END = End.END


@attrs.frozen
class Prompt:
    """A text that a step may speak, and the voice it names (None: the flow's)."""

    text: Template
    voice: str | None = None


@attrs.frozen
class Mentions:
    """All that a step names, so that it can be checked, rendered ahead and drawn before anybody calls."""

    nodes: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    reads: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()


class IStep(Interface):
    """One verb of a flow with its settings: a frozen msgspec.Struct. Plugin kind `step`.

    A class attribute `shorthand` (a ClassVar) names the field that a scalar body fills: `say: "Hello"`.
    """

    def mentions() -> Mentions:
        """What it names. Called at load; pure."""

    async def run(call: ICall) -> str | End | None:  # type: ignore[misc]
        """Do it; the next node's name, END, or None to go on with the next step. The one coroutine among contracts.

        A VoicedError goes to the flow's `on_error`. Never catch CancelledError: it is the caller hanging up.
        """


class ICall(Interface):
    """What a step may do with the call. Once the caller is gone, whatever needs the line raises CallOver."""

    info: CallInfo = Attribute("Who is calling: a CallInfo.")
    facts: dict[str, str] = Attribute("What is known, by dotted name; steps may add to it. Text compares as text.")
    clock: IReactorTime = Attribute("The only clock.")

    def say(text: Template, voice: str | None = None, interruptible: bool = True) -> Deferred[Heard]:
        """Speak; fires with Heard when the caller has heard it, or has cut it with a key.

        Cancelling stops the synthesis; what the carrier has queued plays on. Fails with SynthesisError.
        """

    def play(audio: bytes, interruptible: bool = True) -> Deferred[Heard]:
        """Play audio, as `say` speaks."""

    def sound(file: str) -> bytes:
        """The audio of a file that this step mentions; it was read and checked when the flow was loaded."""

    def listen(timeout: float) -> Deferred[str | None]:
        """Fires with the next key (0-9, *, #, A-D): one that waits already, the first within `timeout`, or None.

        One listener at a time.
        """

    def has_key() -> bool:
        """Whether a key waits that no step has taken yet (the caller types ahead)."""

    def wait(seconds: float) -> Deferred[None]:
        """Fires after so many seconds."""

    def interrupt() -> None:
        """Silence our speech at once; what was being said is cut."""

    def converse(agent: str) -> Deferred[Outcome]:
        """Hand the line to the agent of that name; fires with its Outcome. Fails with AgentError."""

    def look_up(lookup: str) -> Deferred[Mapping[str, str]]:
        """Ask the lookup of that name; fires with what it knows. Fails with LookupFailed."""

    def then(sequel: Sequel) -> None:
        """What the carrier shall do when the flow has ended and all is heard (HangUp, unless set)."""

    def note(result: str) -> None:
        """How this step went, for the record; holds nothing of the caller that `privacy` would hide."""

    def key_note(key: str) -> str:
        """A key as the record may show it."""


# What follows a stream


@attrs.frozen
class HangUp:
    """The carrier ends the call."""


@attrs.frozen
class Apologise:
    """The carrier itself speaks a sentence, without any voice of ours, and ends the call."""

    text: str


@attrs.frozen
class NewStream:
    """The carrier opens a media stream again, and the flow goes on."""


@attrs.frozen
class DialHuman:
    """The carrier connects the caller with this number and leaves us out."""

    number: str


Sequel = HangUp | Apologise | NewStream | DialHuman


# The carrier


class IMediaStream(Interface):
    """One live media stream of a call, as the session drives it. Nothing here raises once the stream is gone."""

    def send_audio(audio: bytes) -> None:
        """Queue audio at the carrier."""

    def send_mark(name: str) -> None:
        """Ask for this name back when all that was queued before it has been played."""

    def send_clear() -> None:
        """Empty the carrier's queue; it gives all outstanding marks back at once."""

    def close() -> None:
        """End the stream in order (close code 1000)."""


class ICarrier(Interface):
    """The telephone company's API, as voiced needs it. Fails with CarrierError only."""

    def complete(call_sid: str, account: str) -> Deferred[None]:
        """End this call of that account. A call that is over already is success."""


class IJournal(Interface):
    """Where calls are written down."""

    def write(record: Mapping[str, Any]) -> Deferred[None]:
        """Write one record; fires when it is written, or when it could not be and that was logged. Never fails."""


# Plugins


class IMaker(IPlugin):
    """A plugin: a light object in `voiced/plugins/`, naming the module behind it.

    What `module` names is imported when the plugin is chosen. It exposes `Settings` (a msgspec.Struct, frozen,
    unknown keys refused) and `make(settings, tools)`, which gives the voice, agent or lookup. For a step it names the
    Struct class itself (`package.module.Class`), whose instances provide IStep.
    """

    kind = Attribute('"voice", "agent", "lookup" or "step".')
    name = Attribute("What YAML calls it.")
    description = Attribute("One line for people.")
    module = Attribute("The dotted name of what makes it.")


@attrs.frozen
class Tools:
    """All that a plugin gets from the daemon, and all that a test must fake."""

    reactor: IReactorTime
    http: Any
    """A treq.client.HTTPClient."""
    endpoint: Callable[[str], IStreamClientEndpoint]
    """A stream client endpoint for a URL (http, https, ws or wss); TLS is verified."""
    carrier: Any
    """An ICarrier."""
    directory: Path
    """The data directory; it exists."""
    in_thread: Callable[..., Deferred[Any]]
    """`in_thread(f, *args)`: call it in a worker thread; fires with what it returns."""
    from_thread: Callable[..., None]
    """`from_thread(f, *args)`: from a worker thread, have it called in the reactor's."""
