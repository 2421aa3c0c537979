"""Where a call begins and who is told of it: what is typed into the carrier's console, or asked of its API."""

from __future__ import annotations

from attrs import frozen

from voiced.simulator.twiml import Document


@frozen
class Start:
    """Where a call's road begins: a URL to ask, or a document given inline."""

    url: str
    document: Document | None = None
    method: str = "POST"


@frozen
class Watch:
    """Who is told how a call goes on."""

    url: str
    events: frozenset[str] = frozenset({"completed"})
    """Of `initiated`, `ringing`, `answered` and `completed`."""
    method: str = "POST"


@frozen
class Plan:
    """What the carrier knows of a call before it does anything about it."""

    to: str
    from_: str
    direction: str
    """inbound or outbound-api."""
    start: Start
    fallback: Start | None = None
    watch: Watch | None = None
    time_limit: float | None = None
    """Seconds it may last once it is answered."""


@frozen
class Number:
    """What the operator typed into Twilio's console for a number."""

    number: str
    voice_url: str
    fallback_url: str | None = None
    status_url: str | None = None
    voice_method: str = "POST"
    fallback_method: str = "POST"
    status_method: str = "POST"
    application_sid: str = ""
    """A TwiML application that takes the number's calls; its URLs are not asked then."""
    trunk_sid: str = ""
    """A SIP trunk that does."""
    receive_mode: str = "voice"
    """Or `fax`."""

    @property
    def sid(self) -> str:
        """Its name at the API: the same for the same number."""
        return f"PN{int(self.number.lstrip('+') or '0'):032x}"

    def inbound(self, from_: str) -> Plan:
        """A call from there to this number."""
        return Plan(
            self.number,
            from_,
            "inbound",
            Start(self.voice_url, method=self.voice_method),
            None if self.fallback_url is None else Start(self.fallback_url, method=self.fallback_method),
            None if self.status_url is None else Watch(self.status_url, method=self.status_method),
        )
