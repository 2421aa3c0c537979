"""One session of OpenAI's Realtime API: it replies as its script says, does what it is told by hand, and keeps all.

    double.sessions[-1].speech_started()

Whatever is told to a session that is over, or stalled, does nothing.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Mapping

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from voiced.simulator.mulaw import RATE
from voiced.simulator.vendors.agent_audio import Ear, Speech, Voice, to_mulaw
from voiced.simulator.vendors.agent_socket import SocketEnd
from voiced.simulator.vendors.openai_conversation import Conversation
from voiced.simulator.vendors.openai_messages import (
    DEFAULT_SESSION,
    FORMATS,
    Fault,
    Json,
    check_session,
    merged,
    read,
)
from voiced.simulator.vendors.openai_reply import Reply, Response

Check = Callable[[str, Json], object]
"""Given "received" or "sent" and a message, raises if the message is not as the vendor documents it."""

_log = Logger()


@frozen(kw_only=True)
class Model:
    """How the model behaves; a session has the settings of the moment when it began."""

    created_after: float | None = 0.0
    """Seconds until session.created; None: never."""
    updated_after: float | None = 0.0
    """Seconds between a session.update and session.updated; None: never."""
    listens: bool = False
    """Whether it notices by the loudness of the audio when the caller speaks, or only when it is told."""
    lasts: float | None = 3600.0
    """Seconds after which a session expires."""
    refuse: int | None = None
    """The HTTP status that handshakes are refused with."""


@define(eq=False)
class Session(Conversation):
    """The vendor's end of one session."""

    id: str
    model: Model
    query: Mapping[str, str]
    """Of the URL that the socket came with."""
    replies: deque[Reply]
    """What it will say next; a response for which there is nothing is empty."""
    _voice: Voice
    _check: Check
    config: Json = field(init=False, factory=lambda: DEFAULT_SESSION)
    """The session as it is set."""
    audio: bytearray = field(init=False, factory=bytearray)
    """The caller's, in mu-law."""
    early: int = field(init=False, default=0)
    """Bytes of audio that came before the first session.updated."""
    updates: int = field(init=False, default=0)
    """How many session.updated were sent."""
    faults: list[Fault] = field(init=False, factory=list)
    """What of the daemon's was answered with an error."""
    received: list[Json] = field(init=False, factory=list)
    """Every good message but the caller's audio."""
    sent: list[Json] = field(init=False, factory=list)
    """Every message of ours but raw ones."""
    active: Response | None = field(init=False, default=None)
    """The response that is being generated."""
    _turn: str | None = field(init=False, default=None)
    """The id of the item that the caller is speaking."""
    _ear: Ear = field(init=False, factory=Ear)
    _timers: list[IDelayedCall] = field(init=False, factory=list)

    def begin(self) -> None:
        """The handshake is done."""
        self._after(self.model.created_after, lambda: self.send("session.created", session=self._described()))
        self._after(self.model.lasts, self.expires)

    # What a test has it do

    def replies_with(self, reply: Reply) -> None:
        """Respond now, without being asked."""
        if self.closed is None:
            self.active = Response(self.number("resp"), self, reply, self._done)
            self.active.begin()

    def speech_started(self, audio_start_ms: int | None = None) -> None:
        """The caller is noticed; a response that is being generated is cut short, unless the session forbids it."""
        self._turn = self.number("item")
        start = len(self.audio) * 1000 // RATE if audio_start_ms is None else audio_start_ms
        self.send("input_audio_buffer.speech_started", audio_start_ms=start, item_id=self._turn)
        if self.active is not None and self._turns("interrupt_response"):
            self.active.cancel("turn_detected")

    def hears(self, text: str, late: bool = False) -> None:
        """The caller has stopped, and is understood so, if transcription is on; the next reply follows, if it is on.

        `late`: the transcript comes after the reply has begun, as it may.
        """
        turn, self._turn = self._turn or self.number("item"), None
        self.send("input_audio_buffer.speech_stopped", audio_end_ms=len(self.audio) * 1000 // RATE, item_id=turn)
        self.commit(turn)
        if not late:
            self._transcribe(turn, text)
        if self._turns("create_response") and self.active is None:
            self._reply()
        if late:
            self._transcribe(turn, text)

    def fails(
        self, message: str = "The server had an error", code: str = "server_error", error_type: str = "server_error"
    ) -> None:
        """An error, after which the session goes on."""
        self.send("error", error=Fault(message, code, type=error_type).body())

    def expires(self) -> None:
        """The session has lasted its time."""
        self.fails("Your session hit the maximum duration of 60 minutes.", "session_expired", "invalid_request_error")
        self.closes(1001, "session expired")

    # What its responses and its socket's end ask for (Stage, AgentEnd)

    @property
    def output_format(self) -> str:
        """See Stage."""
        return FORMATS[self.config["audio"]["output"]["format"]["type"]]

    def stop(self) -> None:
        """See AgentEnd."""
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        if self.active is not None:
            self.active.cancel("client_cancelled")

    def carry(self, sound: bytes) -> Json:
        """See AgentEnd."""
        where = {"response_id": "resp_flood", "item_id": "item_flood", "output_index": 0, "content_index": 0}
        delta = {"event_id": self.number("event"), "delta": b64encode(sound).decode("ascii")}
        return {"type": "response.output_audio.delta", **where, **delta}

    def send(self, kind: str, **fields: object) -> None:
        """See Stage."""
        message = {"type": kind, "event_id": self.number("event"), **fields}
        if self.closed is None:
            self._check("sent", message)
            self.sent.append(message)
            self._socket.send(json.dumps(message))

    def sound(self, text: str) -> bytes:
        """See Stage."""
        return self._voice(text)

    # What the socket tells it

    def receive(self, payload: bytes, binary: bool) -> None:
        """A message has come."""
        client_event = None
        try:
            message = read(payload, binary)
            client_event = message.get("event_id")
            self._compare(message)
            if message["type"] != "input_audio_buffer.append":
                self.received.append(message)
            self._obey(message)
        except Fault as fault:
            self.faults.append(fault)
            self.send("error", error=fault.body(client_event))

    def lost(self, end: SocketEnd) -> None:
        """It is over."""
        super().lost(end)
        self._outputs.give_up(None)

    # Within

    def _compare(self, message: Json) -> None:
        """Ask the vendor's own types, if they are there. What they alone find is a fault to be told aloud."""
        try:
            self._check("received", message)
        except Exception as error:
            _log.failure("{type}: not as the vendor documents it", type=message["type"])
            raise Fault(f"not as documented: {error!s:.200}") from error

    def _obey(self, message: Json) -> None:
        match message["type"]:
            case "input_audio_buffer.append":
                self._hear(message["audio"])
            case "input_audio_buffer.commit":
                self.commit(self.number("item"))
            case "input_audio_buffer.clear":
                self.send("input_audio_buffer.cleared")
            case "session.update":
                self._update(message["session"])
            case "conversation.item.create":
                self.create(message["item"])
            case "conversation.item.truncate":
                self.truncate(message["item_id"], message["audio_end_ms"])
            case "conversation.item.delete":
                self.delete(message["item_id"])
            case "response.create":
                self._respond()
            case "response.cancel":
                if self.active is None:
                    raise Fault("Cancellation failed: no active response found", "response_cancel_not_active")
                self.active.cancel("client_cancelled")

    def _hear(self, audio: str) -> None:
        try:
            sound = b64decode(audio, validate=True)
        except ValueError as error:
            raise Fault(f"Invalid 'audio': {error}", "invalid_base64", "audio") from error
        mulaw = to_mulaw(sound, FORMATS[self.config["audio"]["input"]["format"]["type"]])
        self.audio += mulaw
        if not self.updates:
            self.early += len(sound)
        if self.model.listens and self._turns("type"):
            self._notice(mulaw)

    def _notice(self, mulaw: bytes) -> None:
        for speech in self._ear.hear(mulaw):
            if speech is Speech.BEGINS:
                self.speech_started()
            else:
                self.hears(self.replies[0].heard if self.replies else "")

    def _update(self, session: Json) -> None:
        check_session(session)
        self.config = merged(self.config, session)
        self._after(self.model.updated_after, self._updated)

    def _updated(self) -> None:
        self.updates += 1
        self.send("session.updated", session=self._described())

    def _respond(self) -> None:
        if self.active is not None:
            raise Fault(
                f"Conversation already has an active response in progress: {self.active.id}. "
                "Wait until the response is finished before creating a new one.",
                "conversation_already_has_active_response",
            )
        self._reply()

    def _reply(self) -> None:
        self.replies_with(self.replies.popleft() if self.replies else Reply())

    def _done(self, response: Response) -> None:
        if self.active is response:
            self.active = None

    def _transcribe(self, turn: str, text: str) -> None:
        if self.config["audio"]["input"].get("transcription"):
            self.send(
                "conversation.item.input_audio_transcription.completed",
                item_id=turn,
                content_index=0,
                transcript=text,
                usage={"type": "duration", "seconds": 1.0},
            )

    def _turns(self, setting: str) -> object:
        """A setting of turn detection, which may be off as a whole."""
        turns = self.config["audio"]["input"].get("turn_detection")
        return turns is not None and turns.get(setting, True)

    def _described(self) -> Json:
        described = {"object": "realtime.session", "id": self.id, "model": self.query.get("model", "")}
        return described | self.config

    def _after(self, seconds: float | None, act: Callable[[], None]) -> None:
        if seconds:
            self._timers.append(self._clock.callLater(seconds, act))
        elif seconds is not None:
            act()
