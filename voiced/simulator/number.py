"""A number at the carrier: what the operator typed into its console, and where the calls to it begin."""

from __future__ import annotations

from attrs import frozen

from voiced.simulator.twiml import Document


@frozen
class Number:
    """What the operator typed into Twilio's console for a number."""

    number: str
    voice_url: str
    fallback_url: str | None = None
    status_url: str | None = None


@frozen
class Start:
    """Where a call's road begins: a URL to ask, or a document given inline."""

    url: str
    document: Document | None = None
    method: str = "POST"
