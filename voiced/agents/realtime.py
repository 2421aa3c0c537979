"""The driver for every vendor's socket: opens it, passes audio both ways, uses tools, and leaves nothing open behind.

    door ──► connect ──► handshake ──► opening() ──► Ready ──► talk ──► Ended / a tool that leaves ──► close
      └────────┴────────────┴──────────────┴──── cancelled: whatever stage it is in, nothing stays open ────┘

What a vendor's messages mean is its dialect's to say (voiced.agents.dialects.events).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.agents.dialects.events import (
    AgentSaid,
    Audio,
    CallerActive,
    CallerSaid,
    Corrected,
    Ended,
    Event,
    Failed,
    Interrupted,
    Ready,
    Reply,
    Spoken,
    ToolCall,
    Trouble,
    Unknown,
)
from voiced.agents.grouping import Grouping, Overdue, Seconds
from voiced.agents.socket import AgentFactory, AgentProtocol, AgentSocket
from voiced.call import audio
from voiced.errors import AgentError
from voiced.ivoiced import (
    Brief,
    Cut,
    Door,
    Heard,
    IAgent,
    IAgentDialect,
    ICall,
    ILine,
    ISpeech,
    Outcome,
    ToolResult,
    Tools,
    Who,
)
from voiced.net.trouble import NETWORK, sentence

MOST_QUEUED = 600.0
"""Seconds of speech that an agent may be ahead of the caller: Twilio drops what is beyond (31931)."""
MOST_LOGGED = 50
"""Troubles and strange messages that are logged of one conversation, each once."""
MOST_SPEECHES = 16
"""How many things that the agent has said are kept in mind."""
LINGER = 1.5
"""Seconds without a sound after which an agent that is leaving has said goodbye: a model needs that to begin one."""
MOST_LINGER = 15.0
"""Seconds after which it is taken to have."""
QUIET_SECONDS = 10.0
"""A caller's line that gives nothing for so long is made to give silence: vendors close what they hear nothing from
(ElevenLabs after about 60 s)."""

log = Logger()

OpenDoor = Callable[[], Deferred[Door]]
MakeDialect = Callable[[ICall, Brief], IAgentDialect]


@implementer(IAgent)
@attrs.frozen
class Realtime:
    """An agent behind a vendor's socket. `open_door` finds the way in anew for each conversation."""

    notices_interruptions = True

    tools: Tools
    open_door: OpenDoor
    dialect: MakeDialect
    group: Seconds
    """How much of the caller's audio is in a message."""
    _overdue: Overdue = attrs.field(
        init=False, default=attrs.Factory(lambda self: Overdue(self.tools.reactor), takes_self=True)
    )

    def converse(self, line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """See IAgent."""
        talk = Talk(self.tools, line, call, brief, self.dialect(call, brief), self.group, self._overdue)
        return talk.begin(self.open_door)


class Talk:
    """One conversation over one socket. When it is over, nothing is done any more, whatever comes."""

    _logged: frozenset[str] = frozenset()
    """One for all conversations that have logged nothing."""

    def __init__(
        self,
        tools: Tools,
        line: ILine,
        call: ICall,
        brief: Brief,
        dialect: IAgentDialect,
        group: Seconds,
        overdue: Overdue,
    ) -> None:
        self._tools = tools
        self._clock: IReactorTime = tools.reactor
        self._line = line
        self._call = call
        self._brief = brief
        self._dialect = dialect
        self._group = Grouping(self._clock, group, self._tell_audio, overdue)
        self._over = False
        self._read = 0.0
        """When the last message was read."""
        self._host = ""
        self._opening: Deferred[Any] | None = None
        self._socket: AgentSocket | None = None
        self._speeches: dict[str, ISpeech] = {}
        """What the agent has said of late, by the vendor's name for it: a text may come when all of it was heard, and
        of what was cut late audio, which goes nowhere."""
        self._current = ""
        self._unmeasured = 0
        """Bytes that the agent has said since it was looked at how far ahead it is."""
        self._cut: list[Cut] = []
        """What was cut just now, and the vendor does not know yet."""
        self._using: list[Deferred[ToolResult]] = []
        self._leaving: Outcome | None = None
        """How the conversation will have ended, once the agent has said its goodbye."""
        self._lingering: IDelayedCall | None = None
        self._latest: IDelayedCall | None = None
        self._keep_alive: IDelayedCall | None = None
        self._result: Deferred[Outcome] = Deferred(lambda _: self._stop())

    def begin(self, open_door: OpenDoor) -> Deferred[Outcome]:
        """Open the door and talk; fires as IAgent.converse does."""
        self._opening = open_door()
        self._opening.addCallback(self._connect).addErrback(self._not_opened)
        return self._result

    def _connect(self, door: Door) -> Deferred[Any]:
        if door.most_seconds is not None:
            self._latest = self._clock.callLater(door.most_seconds, self._end, Outcome("timeout"))
        self._host = urlsplit(door.url).netloc
        factory = AgentFactory(door, self, self._call.info.sid, self._clock)
        connecting: Deferred[Any] = self._tools.endpoint(door.url).connect(factory)
        return connecting.addCallback(self._connected)

    def _connected(self, protocol: AgentProtocol) -> None:
        self._opening = None
        self._socket = protocol._call
        if self._over:  # connected by an endpoint that does not obey its cancelling
            self._socket.close()

    def _not_opened(self, failure: Failure) -> None:
        self._opening = None
        if failure.check(AgentError):
            self._fail(failure.getErrorMessage(), getattr(failure.value, "kind", "failed"))
        elif failure.check(CancelledError):
            self._fail("the way to the agent was given up")
        elif failure.check(*NETWORK):
            self._fail(sentence(failure, self._host), "unreachable")
        else:
            log.failure("{call}: the way to an agent broke", failure, call=self._call.info.sid)
            why = f"the way to the agent broke ({type(failure.value).__name__}): the log has its traceback"
            self._fail(why, "fault")

    # What the socket tells us (SocketOwner)

    def opened(self) -> None:
        """The handshake is done."""
        self._send(self._dialect.opening())

    def received(self, payload: bytes) -> None:
        """A message has come."""
        self._read = self._clock.seconds()
        for event in self._dialect.receive(payload):
            if self._over:
                return
            if type(event) is Audio:  # most of them are
                speech = self._speeches.get(event.item)
                (self._speech(event.item) if speech is None else speech).feed(event.audio)
                if self._leaving is not None:
                    self._linger()
                self._unmeasured += len(event.audio)
                if self._unmeasured >= audio.RATE:  # a second more since it was looked at
                    self._measure()
            else:
                self._obey(event)

    def closed(self, code: int | None, reason: str) -> None:
        """The socket is gone."""
        if self._over:
            return
        if self._leaving is not None:
            self._end(self._leaving)
        elif code == 1009:
            self._fail("the agent sent a message of more than 16 MiB")
        else:
            self._obey(self._dialect.closed(code, reason), "lost")
            if self._leaving is not None:
                self._end(self._leaving)

    def refused(self, status: int) -> None:
        """The vendor does not take the socket."""
        self._obey(self._dialect.refused(status), "refused")

    def failed(self, why: str) -> None:
        """The socket is of no use."""
        self._fail(why, "unreachable")

    # What the events mean

    def _obey(self, event: Event, kind: str = "failed") -> None:
        match event:
            case Reply(text):
                self._send([text])
            case CallerActive():
                self._line.caller_active()
            case Interrupted():
                self._interrupt()
            case CallerSaid(text):
                self._line.said(Who.CALLER, text)
            case AgentSaid(text, item):
                self._line.said(Who.AGENT, text, self._speech(item))
                self._linger()
            case Corrected(text):
                self._line.corrected(text)
            case Spoken(item):
                if item in self._speeches:
                    self._speeches[item].end()
            case ToolCall():
                self._use(event)
            case Ready(conversation):
                self._ready(conversation)
            case Ended(outcome):
                self._leave(outcome)
            case Failed(reason):
                self._fail(reason, event.kind or kind)
            case Trouble(reason):
                if self._is_new(reason):
                    log.warn("{call}: the agent: {reason}", call=self._call.info.sid, reason=reason)
            case Unknown(what):
                if self._is_new(what):
                    log.info(
                        "{call}: the agent sent what is not understood: {kind}", call=self._call.info.sid, kind=what
                    )

    def _ready(self, conversation: str) -> None:
        if conversation:
            self._line.conversation(conversation)
        self._line.ready()
        self._line.hear(self._group.feed)
        self._line.keys(self._caller_presses)
        self._group.fed = self._clock.seconds()
        if self._keep_alive is None:
            self._stay_alive()

    def _measure(self) -> None:
        """How far the agent is ahead."""
        self._unmeasured = 0
        if self._line.queued > MOST_QUEUED:
            self._fail(f"the agent sent more than {MOST_QUEUED / 60:g} minutes of speech ahead")

    def _speech(self, item: str) -> ISpeech:
        """The speech of that item; when it is a new one, the one before it is complete."""
        if item in self._speeches:
            return self._speeches[item]
        if item != self._current and self._current in self._speeches:
            self._speeches[self._current].end()
        self._current = item
        speech = self._speeches[item] = self._line.speak()
        speech.done.addCallback(self._spoken, item)
        if len(self._speeches) > MOST_SPEECHES:
            self._speeches.pop(next(iter(self._speeches))).end()
        return speech

    def _spoken(self, heard: Heard, item: str) -> Heard:
        """A speech was heard to its end, or cut: by us, or by the ears in front of us."""
        if heard.cut and not self._over:
            if not self._cut:  # several are cut at once: the vendor is told of all of them
                self._clock.callLater(0, self._tell_cut)
            self._cut.append(Cut(item, heard))
        return heard

    def _interrupt(self) -> None:
        self._line.caller_active()
        self._line.clear()
        self._tools.watch.interrupted(self._clock.seconds() - self._read)

    def _tell_cut(self) -> None:
        cut, self._cut = self._cut, []
        if not self._over:
            self._send(self._dialect.interrupted(cut))

    def _is_new(self, words: str) -> bool:
        """Whether these have not been logged in this conversation; and there is a bound to it all."""
        if words in self._logged or len(self._logged) >= MOST_LOGGED:
            return False
        self._logged |= {words}
        return True

    # Tools

    def _use(self, wanted: ToolCall) -> None:
        if self._brief.tools is None or wanted.arguments is None:
            why = "there are no tools here" if self._brief.tools is None else "the arguments were no JSON object"
            self._send(self._dialect.tool_result(wanted.call, ToolResult(why, error=True)))
            return
        using = self._brief.tools.use(wanted.name, wanted.arguments)
        self._using.append(using)
        using.addBoth(self._done_with, using).addCallbacks(self._used, lambda _: None, (wanted.call,))

    def _done_with(self, result: Any, using: Deferred[ToolResult]) -> Any:
        self._using.remove(using)
        return result

    def _used(self, result: ToolResult, call: str) -> None:
        if self._over:
            return
        self._send(self._dialect.tool_result(call, result))
        if result.leave is not None:
            self._leave(result.leave)

    def _leave(self, outcome: Outcome) -> None:
        """The conversation ends so, when the agent has said goodbye: that may come after the word that it goes."""
        if self._leaving is None:
            self._leaving = outcome
            self._latest = self._replace(self._latest, MOST_LINGER, self._end, outcome)
            self._line.hear(None)
            self._linger()

    def _linger(self) -> None:
        """A sign of the agent; if it is leaving, it has not said its last word yet."""
        if self._leaving is not None:
            self._lingering = self._replace(self._lingering, LINGER, self._end, self._leaving)

    # The caller

    def _tell_audio(self, audio: bytes) -> None:
        socket = self._socket
        if socket is not None and not socket.congested:
            for message in self._dialect.audio(audio):
                socket.say(message.encode())

    def _caller_presses(self, key: str) -> None:
        self._group.flush()
        self._send(self._dialect.key(key))

    def _stay_alive(self) -> None:
        """Look whether the line gives something; when it has given nothing for long, the agent hears silence."""
        left = self._group.fed + QUIET_SECONDS - self._clock.seconds()
        if left <= 0:
            self._group.feed(audio.silence(0.1))
            left = QUIET_SECONDS
        self._keep_alive = self._clock.callLater(left, self._stay_alive)

    # The end

    def _end(self, outcome: Outcome) -> None:
        self._stop()
        self._result.callback(outcome)

    def _fail(self, reason: str, kind: str = "failed") -> None:
        if not self._over:
            self._stop()
            self._result.errback(AgentError(reason, kind=kind))

    def _stop(self) -> None:
        """Close what is open, in whatever state it is."""
        self._over = True
        for timer in (self._lingering, self._latest, self._keep_alive):
            if timer is not None and timer.active():
                timer.cancel()
        self._group.stop()
        for speech in list(self._speeches.values()):
            speech.end()
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
        if self._socket is not None:
            self._send(self._dialect.closing())
            self._socket.close()
        for using in list(self._using):
            using.cancel()

    def _send(self, messages: Any) -> None:
        for message in messages:
            if self._socket is not None:
                self._socket.send(message)

    def _replace(self, timer: IDelayedCall | None, seconds: float, act: Any, *arguments: Any) -> IDelayedCall:
        if timer is not None and timer.active():
            timer.cancel()
        return self._clock.callLater(seconds, act, *arguments)
