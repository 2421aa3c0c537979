"""Every contract of voiced, and the small values that cross them.

A Deferred that one of these returns may be cancelled at any time, and cancelling means *stop*: it then fails with
`CancelledError`, and what it was doing has ended. Audio is always mu-law at 8000 bytes a second (voiced.call.audio);
times are seconds.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from twisted.internet.defer import Deferred
from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from voiced.call.records import CallInfo, Said
from voiced.call.template import Template
from voiced.ioperator import IOperator
from voiced.iwatch import IWatch, Unwatched

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


class ISpeech(Interface):
    """One thing that is said to the caller, on its way: feed it, then end it."""

    done: Deferred[Heard] = Attribute("Fires with Heard when its last sound was heard, or it was cut. Never fails.")

    def feed(audio: bytes) -> None:
        """Send this on, after what was fed before. Nothing happens once it has ended or was cut."""

    def end() -> None:
        """All of it has been fed."""

    def so_far() -> Heard:
        """How much of it the caller has heard by now."""


class Who(enum.Enum):
    """Who said a line of a transcript."""

    AGENT = "agent"
    CALLER = "caller"


class ILine(Interface):
    """The caller's line, as an agent has it while it converses. Once it is not the agent's any more, speaking raises
    CallOver, and so it does when the caller has gone.
    """

    queued: float = Attribute("Seconds of audio that were sent and not heard yet.")
    guarded: bool = Attribute(
        "Whether voiced's own ears cut what the agent says when the caller says words over it: what is said over it "
        "and cuts nothing was no words, or only those of a listener."
    )

    def ready() -> None:
        """The agent is there: it hears, and can speak. Until it says so the clock of its start runs (2 s)."""

    def hear(deliver: Deliver | None) -> None:
        """From now on call `deliver(audio)` with the caller's audio as it arrives (None: no more).

        What the caller said since the agent was given the line, and nobody heard, is delivered first, at once.
        """

    def keys(deliver: Callable[[str], object] | None) -> None:
        """From now on call `deliver(key)` with each key that the caller presses (None: no more)."""

    def speak() -> ISpeech:
        """Something to say, after all that was said before. The carrier queues it: no pacing is needed."""

    def send_audio(audio: bytes) -> None:
        """The same for who does not care where one thing that is said ends and the next begins."""

    def clear() -> None:
        """Silence what is queued, at once; every open speech is cut."""

    def when_heard() -> Deferred[None]:
        """Fires when the caller has heard all that was sent so far, or it was cleared."""

    def said(who: Who, text: str, speech: ISpeech | None = None) -> None:
        """A line of the transcript. With its speech, the transcript says what the caller *heard* of the text."""

    def corrected(text: str) -> None:
        """The agent's last line is rather this: it was interrupted."""

    def conversation(name: str) -> None:
        """The vendor's own name for this conversation; for the record, and `{agent.conversation}`."""

    def caller_active() -> None:
        """The caller makes a sound, as far as the agent can tell: the silence that nobody may exceed begins anew."""

    def caller_waits(waits: bool = True) -> None:
        """The caller has said something that wants an answer, as far as the agent can tell; or has not, after all.

        `said` by the caller implies it, and audio of the agent's is taken for the answer.
        """


@attrs.frozen
class AgentLimits:
    """How long an agent may have the line. In seconds; None is no limit."""

    seconds: float | None = None
    """In all: then the outcome is `timeout`."""
    silence: float | None = 10.0
    """With neither side speaking: then it is `caller_silent`, or `failed` where it was the agent's turn."""
    first_audio: float | None = None
    """Until the agent has spoken first: then it is `failed`. None: it may let the caller begin."""


@attrs.frozen
class Outcome:
    """How a conversation with an agent ended: a word for `choose`, and facts it leaves behind (`agent.<name>`).

    The words that voiced itself uses: `completed` (the agent has ended it, or it came to its end), `hung_up` (the
    agent has hung up: the call ends), `handover` (it asks for a human), `transferred` (it has chosen one), `failed`,
    `timeout` (the step's `seconds` are over), `caller_silent` (nobody has said anything for `silence` seconds).
    """

    name: str
    facts: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class ToolResult:
    """What a tool answers the agent. With `leave` the conversation ends so, when the caller has heard it out."""

    text: str
    error: bool = False
    leave: Outcome | None = None


class IAgentTool(Interface):
    """What a live agent may do besides talking. Plugin kind `tool`."""

    description: str = Attribute("What it does and when to use it: for the agent's language model.")
    parameters: Mapping[str, Any] = Attribute('A JSON Schema of its arguments: {"type": "object", "properties": …}.')
    timeout: float = Attribute("Seconds it may take; then it is cancelled and the agent is told so.")

    def run(call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """Do it. `arguments` are the language model's own words: nothing about them is sure.

        Whatever it fails with, the agent gets an error result, and a ToolFailed's sentence in it.
        """


class IToolbox(Interface):
    """The tools that an agent has in this conversation, by name."""

    tools: Mapping[str, IAgentTool] = Attribute("What there is to be offered to the agent.")

    def use(name: str, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """Use one; fires with its result, with an error result at the latest when its time is over. Never fails."""


@attrs.frozen
class Brief:
    """What an agent is asked to do this time. What is None is not said: the agent's own setting holds."""

    prompt: str | None = attrs.field(default=None, repr=False)
    first_message: str | None = attrs.field(default=None, repr=False)
    language: str | None = None
    """ISO 639-1."""
    voice: str | None = None
    """A voice by the agent's own name for it (a vendor's voice id; of a local agent, a voice of voiced.yaml)."""
    variables: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Facts for the agent, by names it knows."""
    tools: IToolbox | None = None
    so_far: tuple[Said, ...] = attrs.field(default=(), repr=False)
    """What was said before, when the agent comes back to a conversation whose daemon was killed or restarted: it
    goes on from there, and is the first to speak, so that the caller knows that somebody is there."""

    @property
    def comes_back(self) -> bool:
        """Whether the conversation had begun before."""
        return bool(self.so_far)


class IAgent(Interface):
    """Someone who can take the line: a live conversation. Plugin kind `agent`."""

    notices_interruptions: bool = Attribute(
        "Whether it clears the line itself when the caller interrupts it. Where not, voiced's own ears do so (the "
        "extra `local`), unless voiced.yaml says `barge_in: none`; the agent's open speeches are cut then."
    )

    def converse(line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """Take the line until the conversation is over; fires with its Outcome.

        It must call `line.ready()` within 2 s, else it is cancelled. What is queued when it fires is still heard to
        its end. Cancelling ends it, at the vendor too. Fails with AgentError (CancelledError when cancelled) only.
        """


class IAgentDialect(Interface):
    """One conversation with an agent, as its vendor's socket speaks it. Pure: texts in, events and texts out.

    voiced.agents.realtime does the sending and the waiting for all of them; voiced.agents.dialects.events has the
    events.
    """

    def opening() -> Sequence[str]:
        """The messages that begin the conversation, once the socket is open."""

    def receive(text: str | bytes) -> Sequence[Any]:
        """What a message means: events, in order. Never raises: what it does not understand is an Unknown."""

    def audio(audio: bytes) -> Sequence[str]:
        """The caller's audio, as messages."""

    def key(key: str) -> Sequence[str]:
        """The caller pressed a key; for the agent to know, not to answer."""

    def interrupted(cut: Sequence[Cut]) -> Sequence[str]:
        """What to tell the vendor when these speeches were cut, and how much of each was heard."""

    def tool_result(call: str, result: ToolResult) -> Sequence[str]:
        """A tool's result, and what makes the agent go on."""

    def closing() -> Sequence[str]:
        """What to say before we close the socket."""

    def refused(status: int) -> Any:
        """What it means that the vendor answered the handshake with this HTTP status: a Failed."""

    def closed(code: int | None, reason: str) -> Any:
        """What it means that the vendor closed the socket so: an Ended or a Failed."""


@attrs.frozen
class Door:
    """Where a vendor's socket is, and what opens it. Its URL may be signed: nothing of it is shown."""

    url: str = attrs.field(repr=False)
    """ws:// or wss://."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    subprotocols: tuple[str, ...] = ()
    most_seconds: float | None = None
    """How long the vendor lets a conversation last, less a margin: we end it in order before."""


@attrs.frozen
class Cut:
    """A speech of an agent that was interrupted: the vendor's name for it, and how much of it was heard."""

    item: str
    heard: Heard


class ICallerLookup(Interface):
    """Who is calling? Plugin kind `lookup`."""

    def lookup(call: ICall) -> Deferred[Mapping[str, str]]:
        """Fires with what is known of `call.info.party`, by short name ("name", "vip"); {} when nothing is.

        The flow reads it as `party.<name>`. A slow one is cancelled. Fails with LookupFailed (CancelledError when
        cancelled) only.
        """


# Ears of our own


class IDetector(Interface):
    """Tells speech from everything else, on one caller's line."""

    def feed(audio: bytes) -> Sequence[float]:
        """The chance of speech (0 to 1) in each window of WINDOW seconds that this audio completes.

        Takes about 0.1 ms a window. What is left over begins the next window.
        """


class IHearing(Interface):
    """Voice activity and speech recognition on this machine."""

    def detector() -> IDetector:
        """A new one, for one line. Raises RecognitionFailed when there can be none."""

    def recognise(audio: bytes) -> Deferred[str]:
        """The words in this audio; "" when there are none.

        In a worker thread; the recogniser that is least busy takes it. Cancelling forgets it: one that has not begun
        is not begun. Fails with RecognitionFailed (CancelledError when cancelled) only.
        """

    def close() -> None:
        """No more: the worker threads end."""


WINDOW = 0.032
"""Seconds of audio in a detector's window: 256 bytes."""


# Flows


class End(enum.Enum):
    """What a step answers to end the flow: the value is how the call is then called ended (voiced.call.records)."""

    END = "completed"
    BY_AGENT = "agent_ended"
    TRANSFERRED = "transferred"


END = End.END


@attrs.frozen
class Back:
    """What a step answers to leave the flow for the one that has called it; where none has, the flow ends."""

    result: str = ""
    private: bool = False
    """Whether the result is never written down."""


@attrs.frozen
class Prompt:
    """A text that a step may speak, the voice and the language that it names (None: the flow's, the call's)."""

    text: Template
    voice: str | None = None
    language: str | None = None


@attrs.frozen
class Mentions:
    """All that a step names, so that it can be checked, rendered ahead and drawn before anybody calls."""

    nodes: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    """Flows that it calls, and comes back from."""
    voices: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    hears: bool = False
    """Whether it needs ears of our own (IHearing)."""
    tools: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    reads: tuple[str, ...] = ()
    """Facts that it needs: those in its templates that have no default (`Template.needs`), and what it decides by."""
    sets: tuple[str, ...] = ()
    """Facts that it may set; `party.*` stands for all that begin so."""
    calendars: tuple[str, ...] = ()
    """Files of holidays, beside the flow's: YAML, each day's date (2026-12-25) with its name."""
    keys: tuple[str, ...] = ()
    """Keys that it waits for: they mean what it says, whatever they mean elsewhere in the flow."""
    waits: bool = False
    """Whether it waits for the caller to do something: a circle through it is no idle one."""
    goes_on: bool = True
    """Whether the next step may follow; else it always leads to a node, or ends the flow."""
    targets: tuple[str, ...] = ()
    """Numbers (E.164) and SIP addresses that it connects somebody with: named by the operator (IGuard.leg)."""
    urls: tuple[str, ...] = attrs.field(default=(), repr=False)
    """What it asks over HTTP, as it is written (voiced.net.url): the hosts are checked at load."""
    passes: tuple[str, ...] = ()
    """The names of the arguments that it passes to `flows`."""
    labels: tuple[str, ...] = ()
    """What leads to each of `nodes`, in their order, as a drawing says it; none: it is seen from the settings."""


class IStep(Interface):
    """One verb of a flow with its settings: a frozen msgspec.Struct. Plugin kind `step`.

    A class attribute `shorthand` (a ClassVar) names the field that a scalar body fills (`say: "Hello"`), `entries`
    the one that a whole block of settings fills (`set: {name: "Ann"}`).
    """

    def mentions() -> Mentions:
        """What it names. Called at load; pure."""

    async def run(call: ICall) -> str | End | Back | None:  # type: ignore[misc]
        """Do it; the next node's name, an End, a Back, or None to go on with the next step. The one coroutine among
        contracts.

        A VoicedError goes to the flow's `on_error`. Never catch CancelledError: it is the caller hanging up.
        """


class ICall(Interface):
    """What a step may do with the call. Once the caller is gone, whatever needs the line raises CallOver."""

    info: CallInfo = Attribute("Who is calling: a CallInfo.")
    facts: dict[str, str] = Attribute("What is known, by dotted name; steps may add to it. Text compares as text.")
    clock: IReactorTime = Attribute("The only clock.")
    language: str = Attribute(
        "The tag of the language that is spoken now (`en`, `pt-BR`): the fact `call.language`, or else the flow's."
    )
    private: set[str] = Attribute("Facts, by name, whose values are never written down; steps may add to it.")
    operator: IOperator = Attribute("What the operator may do with this daemon from a telephone.")
    on_silence: str | None = Attribute("The node of the flow for a caller who does not answer, if there is one.")

    def say(
        text: Template,
        voice: str | None = None,
        interruptible: bool = True,
        by_speech: bool = False,
        language: str | None = None,
    ) -> Deferred[Heard]:
        """Speak; fires with Heard when the caller has heard it, or cut it with a key (`by_speech`: or with words).

        In that language, or the one that is spoken now: its wording, its voice, its way to say facts.

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

    def answer(timeout: float, words: Mapping[str, Sequence[str]]) -> Deferred[str | None]:
        """The same, or the key whose words the caller says, as our own ears have it (`words`: key and its phrases).

        "" when something was said that is none of these, None when nothing was said and no key pressed; a sentence
        that has begun within `timeout` is heard to its end. What the caller has said before, over our own speech
        (`by_speech`), counts. Where there are no ears, or they are broken, it is keys only.
        """

    def has_key() -> bool:
        """Whether a key waits that no step has taken yet (the caller types ahead)."""

    def wait(seconds: float) -> Deferred[None]:
        """Fires after so many seconds."""

    def interrupt() -> None:
        """Silence our speech at once; what was being said is cut."""

    def converse(agent: str, brief: Brief, limits: AgentLimits) -> Deferred[Outcome]:
        """Hand the line to the agent of that name; fires with its Outcome.

        Fails with AgentError, and with Refused where the guard lets no agent talk now (see IGuard.converse).

        `brief.tools` is filled in with the tools that voiced.yaml gives the agent.
        """

    def voice(name: str | None = None) -> ITTSEngine:
        """The voice of that name, or the flow's. Raises FlowError when there is none."""

    def look_up(lookup: str) -> Deferred[Mapping[str, str]]:
        """Ask the lookup of that name; fires with what it knows. Fails with LookupFailed."""

    def run_flow(flow: str, arguments: Mapping[str, str]) -> Deferred[Back | End]:
        """Walk through another flow; fires with the Back that it came back with, or the End of the whole call.

        It reads the arguments as `argument.<name>`. Where the line was away in it, the step that has called it is run
        again, and it goes on where it was. Fails as its steps do, and with FlowError.
        """

    def enter(part: str, most: int | None = None) -> int | None:
        """Take a place in a part of the flows; the call's number there, from 1, in the order of coming.

        None: `most` are there already. A call keeps its place, with the number that it has by now, until it leaves
        or is over.
        """

    def leave(part: str, after: float = 0.0) -> None:
        """Give the place in that part back: now, or so many seconds later unless it is entered again until then."""

    def chance() -> float:
        """Throw the dice: at least 0, less than 1."""

    def holidays(file: str) -> Mapping[str, str]:
        """The days of a calendar that this step mentions, by date (`2026-12-25`), each with its name."""

    def journal(fact: str, value: str) -> None:
        """Write a fact down in the call's record, under that name; as much of it as `privacy` and `private` let."""

    def then(sequel: Sequel) -> None:
        """What the carrier shall do when the flow has ended and all is heard (HangUp, unless set).

        A Dial is for good: nobody comes back from it (see `dial`). Raises Refused (see IGuard.leg); of what other
        daemons have counted it knows what was seen last.
        """

    def dial(dial: Dial) -> Deferred[None]:
        """Leave the line to the carrier when all is heard, to connect the human with somebody; fires when that may
        be, and the step then answers End.TRANSFERRED at once. Raises Refused (see IGuard.leg), or, where other
        daemons count, too, and have to be asked, fails with it. Cancelling leaves it undone.

        When the other side does not answer, the line comes back: this same step is run again, and `dialled` says so.
        """

    def dialled() -> Dialled | None:
        """What became of the leg for which this very step has left the line; None when it has not, or was told."""

    def record_voice(limits: RecordLimits) -> Deferred[Recorded]:
        """Record the human from now on, to a file; fires when that has ended. What is being said is heard first.

        Cancelling ends the recording; what there is of it is kept. Sets the facts `<into>.file`, `.seconds` and
        `.ended_by`, also then. Fails with RecordingFailed.
        """

    def ask(request: HttpRequest) -> Deferred[HttpAnswer]:
        """Ask a web service; fires with its answer, whatever its status is. It needs no line.

        Cancelling closes the connection. Fails with HttpFailed.
        """

    def text(message: str, from_: str | None = None) -> Deferred[str]:
        """Send a text message to the human of this call; fires with the message's SID. It needs no line.

        `from_` is one of our numbers; None: the one by which we talk with them. Both must be E.164, and the message
        has MOST_TEXT characters at most. Cancelling leaves: what is on its way is sent, and a step that is run again
        on another line, with the same text, gets what came of it. Fails with Refused (see IGuard.text) and
        CarrierError.
        """

    def hang_up_because(reason: str) -> None:
        """Why the flow is about to hang up: for the record."""

    def opt_out(how: str, within: float = 0.0) -> None:
        """The human does not want to be called any more (`how`: `key`, `word` or `tool`).

        From now on their number is not called (IGuard.opt_out), whatever becomes of this call. What runs may end by
        itself within so many seconds; then it is cut off, that is confirmed to the human, and the call ends.
        """

    def note(result: str) -> None:
        """How this step went, for the record; holds nothing of the caller that `privacy` would hide."""

    def key_note(key: str) -> str:
        """A key as the record may show it."""


@attrs.frozen
class RecordLimits:
    """When a recording ends by itself. In seconds."""

    seconds: float = 120.0
    """In all."""
    silence: float = 5.0
    """Of the human's silence, before they have begun or after."""
    keys: str = "#"
    """Each of these keys ends it, too; "" for none."""
    transcribe: bool = False
    """Whether our own ears shall write down what was said."""
    into: str = "voicemail"
    """What the facts begin with that say what became of it."""


@attrs.frozen
class Recorded:
    """A recording that has ended."""

    file: str
    """Its path below the data directory, with `/`; "" when nothing was said, and so nothing is kept."""
    seconds: float
    """Its length, without the silence at its end."""
    ended_by: str
    """`silence`, `key`, `limit` or `hangup` (also a lost stream, and a daemon that stops)."""


MOST_TEXT = 1600
"""Characters of a text message: Twilio takes no more (21617), and bills each 70 to 153 of them as one."""


@attrs.frozen
class HttpRequest:
    """What a flow asks of a web service. URL and body may hold all that is known of a caller: nobody shows them."""

    method: str
    url: str = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    """A JSON document; None where there is none."""
    timeout: float = 5.0
    """Seconds for all of it."""


@attrs.frozen
class HttpAnswer:
    """What a web service answered; `whole` is False when its body was longer than what was read of it."""

    status: int
    body: bytes = attrs.field(default=b"", repr=False)
    whole: bool = True


# What follows a stream


@attrs.frozen
class HangUp:
    """The carrier ends the call."""


@attrs.frozen
class Apologise:
    """The carrier itself speaks a sentence, without any voice of ours, and ends the call."""

    text: str


@attrs.frozen
class Reject:
    """The carrier does not take the call: the caller hears it, and pays nothing. For one that rings, only."""

    reason: str = "busy"
    """`busy` (an engaged tone) or `rejected` (a sentence of the carrier's: the number is not in service)."""


@attrs.frozen
class NewStream:
    """The carrier opens a media stream again, and the flow goes on."""


@attrs.frozen
class Dial:
    """The carrier connects the human with somebody else, and tells us what became of it (Dialled)."""

    to: str
    """E.164 or `sip:…`."""
    caller_id: str | None = None
    """E.164: whom the other side sees; None: the human's own number, or ours where we have rung them."""
    timeout: int = 30
    """Seconds it may ring."""
    seconds: int | None = None
    """Seconds they may talk; None: as long as the guard lets them."""


@attrs.frozen
class Dialled:
    """What became of a leg: `answered`, `busy`, `no_answer`, `failed`, `canceled`, or `refused` by the guard."""

    result: str
    seconds: float = 0.0
    """How long they talked."""


Sequel = HangUp | Apologise | Reject | NewStream | Dial


# Plugins


class IMaker(IPlugin):
    """A plugin: a light object in `voiced/plugins/`, naming the module behind it.

    What `module` names is imported when the plugin is chosen. It exposes `Settings` (a msgspec.Struct, frozen,
    unknown keys refused) and `make(settings, tools)`, which gives the voice, agent, tool or lookup. For a step it
    names the Struct class itself (`package.module.Class`), whose instances provide IStep. The Settings of an agent
    may have `mentions()`, as steps do: its voices and tools are then checked at load, too, and a flow may read the
    facts that it (or a tool) sets. Those of a voice may have `longest`: characters that it takes at once, or None.
    """

    kind = Attribute('"voice", "agent", "tool", "lookup" or "step".')
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
    hearing: Callable[[], IHearing]
    """The ears of this machine, for all calls; raises VoicedError when the extra `local` is not installed."""
    in_thread: Callable[..., Deferred[Any]]
    """`in_thread(f, *args)`: call it in a worker thread; fires with what it returns."""
    from_thread: Callable[..., None]
    """`from_thread(f, *args)`: from a worker thread, have it called in the reactor's."""
    watch: IWatch = attrs.field(factory=Unwatched)
    """Who is told what happens, and knows how late the reactor is."""
    chance: Callable[[], float] = random.random
    """From 0 up to 1, evenly: for waits that should not be the same for all. No secret is made of it."""
