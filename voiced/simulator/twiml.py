"""TwiML as the carrier understands it: a document in, verbs and complaints out. Pure.

Verbs and attributes beyond Twilio's schema are dropped with a warning (12200), and so are <Gather>, <Record> and the
like, which are not played here; what is no XML, or no TwiML, is an error (12100, 12300, 11750).
Source: twilio.com/docs/voice/twiml and Twilio's error dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from attrs import define, field, frozen

from voiced.simulator.sheet import Alert

LARGEST = 65536
"""Bytes of TwiML that Twilio reads (11750)."""

LONGEST_PARAMETER = 500
"""Characters that name and value of a <Parameter> stay under, together."""

TYPES = ("text/xml", "application/xml", "text/html")


@frozen
class Stream:
    url: str
    parameters: Mapping[str, str] = field(factory=dict)
    status_callback: str | None = None
    name: str = ""


@frozen
class Connect:
    stream: Stream
    action: str | None = None
    method: str = "POST"


@frozen
class Say:
    text: str
    voice: str = "man"
    language: str = "en-US"


@frozen
class Play:
    url: str
    digits: str = ""
    """Keys to press instead; w is a wait of half a second, W of a whole one."""


@frozen
class Pause:
    length: float = 1.0
    """Seconds."""


@frozen
class Hangup:
    pass


@frozen
class Reject:
    reason: str = "rejected"


@frozen
class Redirect:
    url: str
    method: str = "POST"


@frozen
class Dial:
    numbers: tuple[str, ...]
    """The number in <Dial> itself, or the texts of its nouns: <Number>, <Sip>."""
    action: str | None = None
    method: str = "POST"
    timeout: float = 30.0
    """Seconds of ringing."""
    time_limit: float = 14400.0
    """Seconds of talking."""
    attributes: Mapping[str, str] = field(factory=dict)
    """All of them as they were written: callerId, answerOnBridge ..."""


Verb = Connect | Say | Play | Pause | Hangup | Reject | Redirect | Dial

NOUN = {
    *("url", "method", "statusCallback", "statusCallbackMethod", "statusCallbackEvent", "machineDetection"),
    *("amdStatusCallback", "amdStatusCallbackMethod", "machineDetectionTimeout", "machineDetectionSpeechThreshold"),
    *("machineDetectionSpeechEndThreshold", "machineDetectionSilenceTimeout"),
}
"""Attributes that <Number> and <Sip> share."""

ATTRIBUTES: dict[str, set[str]] = {
    "Connect": {"action", "method"},
    "Stream": {"url", "name", "track", "statusCallback", "statusCallbackMethod"},
    "Parameter": {"name", "value"},
    "Say": {"voice", "language", "loop"},
    "Play": {"loop", "digits"},
    "Pause": {"length"},
    "Hangup": set(),
    "Reject": {"reason"},
    "Redirect": {"method"},
    "Dial": {
        *("action", "method", "timeout", "hangupOnStar", "timeLimit", "callerId", "record", "trim", "recordingTrack"),
        *("recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent", "ringTone"),
        *("answerOnBridge", "sequential", "referUrl", "referMethod", "events", "passports"),
    },
    "Number": {"sendDigits", "byoc", *NOUN},
    "Sip": {"username", "password", *NOUN},
}


@frozen
class Document:
    """What the carrier will do, and what its debugger will say about it."""

    text: str
    verbs: tuple[Verb, ...] = ()
    alerts: tuple[Alert, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the carrier can make nothing of it, and goes to the fallback URL."""
        return any(alert.level == "error" for alert in self.alerts)


def read(body: bytes, content_type: str, sized: bool = True) -> Document:
    """Read an answer. `sized` says whether it came with a Content-Length."""
    text, kind = body.decode("utf-8", "replace"), content_type.partition(";")[0].strip().lower()
    reader = _Reader()
    if not sized and body:
        reader.warn("no Content-Length: Twilio may truncate what comes in chunks")
    if len(body) > LARGEST:
        reader.fail(11750, f"{len(body)} bytes of TwiML: more than 64 KB")
    elif not body.strip():
        pass
    elif kind == "text/plain":
        return Document(text, (Say(text),), tuple(reader.alerts))
    elif kind not in TYPES:
        reader.fail(12300, f"content type {content_type!r} is not understood")
    else:
        return Document(text, tuple(reader.verbs(body)), tuple(reader.alerts))
    return Document(text, (), tuple(reader.alerts))


@define
class _Reader:
    alerts: list[Alert] = field(factory=list)

    def warn(self, text: str) -> None:
        self.alerts.append(Alert(12200, text))

    def fail(self, code: int, text: str) -> None:
        self.alerts.append(Alert(code, text, "error"))

    def verbs(self, body: bytes) -> list[Verb]:
        try:
            root = ElementTree.fromstring(body)  # noqa: S314 - the daemon under test, not a stranger
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            self.fail(12100, f"no XML: {error}")
            return []
        if root.tag != "Response":
            self.fail(12100, f"the document is <{root.tag}>, not <Response>")
            return []
        found = [self._verb(element) for element in root]
        return [verb for verb in found if verb is not None]

    def _verb(self, element: Element) -> Verb | None:
        readers: dict[str, Callable[[Element], Verb | None]] = {
            "Connect": self._connect,
            "Say": lambda e: Say(_words(e), e.get("voice", "man"), e.get("language", "en-US")),
            "Play": lambda e: Play(_words(e), e.get("digits", "")),
            "Pause": lambda e: Pause(self._seconds(e, "length", 1.0)),
            "Hangup": lambda e: Hangup(),
            "Reject": lambda e: Reject(e.get("reason", "rejected")),
            "Redirect": lambda e: Redirect(_words(e), e.get("method", "POST")),
            "Dial": self._dial,
        }
        if element.tag not in readers:
            self.warn(f"<{element.tag}> is not known here")
            return None
        self._check(element)
        return readers[element.tag](element)

    def _check(self, element: Element) -> None:
        for unknown in sorted(set(element.keys()) - ATTRIBUTES[element.tag]):
            self.warn(f"<{element.tag}> has no attribute {unknown!r}")

    def _connect(self, element: Element) -> Verb | None:
        stream = element.find("Stream")
        if stream is None or not stream.get("url"):
            self.warn("<Connect> without a <Stream url>")
            return None
        self._check(stream)
        if stream.get("track", "inbound_track") != "inbound_track":
            self.alerts.append(Alert(31941, f"track {stream.get('track')!r} is not possible in <Connect>"))
        wanted = Stream(
            stream.get("url", ""), self._parameters(stream), stream.get("statusCallback"), stream.get("name", "")
        )
        return Connect(wanted, element.get("action"), element.get("method", "POST"))

    def _parameters(self, stream: Element) -> dict[str, str]:
        parameters: dict[str, str] = {}
        for element in stream.findall("Parameter"):
            self._check(element)
            name, value = element.get("name", ""), element.get("value", "")
            if len(name) + len(value) >= LONGEST_PARAMETER:
                self.warn(f"<Parameter name={name!r:.40}>: {len(name) + len(value)} characters, not under 500")
            else:
                parameters[name] = value
        return parameters

    def _dial(self, element: Element) -> Verb:
        nouns: list[str] = []
        for noun in element:
            if noun.tag in ("Number", "Sip"):
                self._check(noun)
                nouns.append(_words(noun))
                if noun.tag == "Number" and nouns[-1].startswith("sip"):
                    self.alerts.append(Alert(13223, f"<Number> {nouns[-1]!r}: a SIP address goes into <Sip>"))
            else:
                self.warn(f"<{noun.tag}> in <Dial> is not known here")
        return Dial(
            tuple(nouns) or (_words(element),),
            element.get("action"),
            element.get("method", "POST"),
            self._seconds(element, "timeout", 30.0),
            self._seconds(element, "timeLimit", 14400.0),
            dict(element.attrib),
        )

    def _seconds(self, element: Element, name: str, default: float) -> float:
        try:
            return float(element.get(name, default))
        except ValueError:
            self.warn(f"<{element.tag} {name}={element.get(name)!r}>: not a number")
            return default


def _words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())
