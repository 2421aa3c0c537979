"""What a lookup asks a web service: a URL, headers and a body, with facts of the call in their places.

    url: https://crm.example/callers/{call.party}?tier={party.tier|none}
    headers: {Authorization: Bearer …, X-Line: "{call.called}"}
    json: {caller: "{call.party}"}

Facts come from strangers: they never choose whom we ask (voiced.net.url), and end no header.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs

from voiced.call.template import Place, Template
from voiced.errors import LookupFailed
from voiced.net.headers import is_settable, is_value
from voiced.net.url import UrlTemplate
from voiced.secret import Secret

_ENDS_PATH = "/?&=%"
"""What a default in a URL may not hold: it would be read as the URL's own."""


@attrs.frozen
class Request:
    """Ready to be sent. Two that are equal have the same answer."""

    url: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    body: bytes | None = attrs.field(repr=False)


@attrs.frozen
class RequestTemplate:
    """A request with places for facts. `headers` and `json` are templates, by name."""

    url: UrlTemplate
    _places: Mapping[str, Template]
    """What stands between the braces in the URL -> the same as a template."""
    _headers: Mapping[str, Template] = attrs.field(repr=False)
    _json: Mapping[str, Template] | None = attrs.field(repr=False)

    @classmethod
    def parse(cls, url: str, headers: Mapping[str, Secret], json: Mapping[str, Template] | None) -> RequestTemplate:
        """Check them; `json` is None for a request without a body. Raises ValueError with a sentence that shows
        nothing of what may be secret.
        """
        template = UrlTemplate.parse(url)
        places = {name: _place(name) for name in template.names}
        lower = {name.lower(): _header(name, value.reveal()) for name, value in headers.items()}
        if len(lower) < len(headers):
            raise ValueError("`headers` has one twice: capitals make no difference")
        return cls(template, places, lower, json)

    def fill(self, facts: Mapping[str, str]) -> Request:
        """With these facts. Raises LookupFailed for one that cannot stand where it should."""
        try:
            url = self.url.fill({name: place.fill(facts) for name, place in self._places.items()}, {})
        except ValueError as error:
            raise LookupFailed(f"`url` cannot be filled with the facts of this call: {error}") from error
        body = None
        if self._json is not None:
            body = json.dumps({name: text.fill(facts) for name, text in self._json.items()}).encode()
        return Request(url, tuple(self._filled(facts)), body)

    def _filled(self, facts: Mapping[str, str]) -> list[tuple[str, str]]:
        filled = [(name, value.fill(facts).strip()) for name, value in self._headers.items()]
        for name, value in filled:
            if value and not is_value(value):
                raise LookupFailed(f"`headers`: {name!r} would hold a line break, or what is not ASCII")
        return [(name, value) for name, value in filled if value]


def _place(name: str) -> Template:
    """A place of the URL, which UrlTemplate knows by all that is between its braces."""
    try:
        template = Template.parse(f"{{{name}}}")
    except ValueError:
        raise ValueError(f"`url`: {{{name}}} is not a place like {{call.party}} or {{party.id|none}}") from None
    place = template.parts[0]
    if isinstance(place, str) or any(mark in (place.default or "") for mark in _ENDS_PATH):
        raise ValueError(f"`url`: the default in {{{name}}} may not hold any of {' '.join(_ENDS_PATH)}")
    return template


def _header(name: str, text: str) -> Template:
    if not is_settable(name):
        raise ValueError(f"`headers`: {name!r} is no header that can be set")
    try:
        template = Template.parse(text)
    except ValueError as error:
        raise ValueError(f"`headers`: {name!r}: {error}") from None
    plain = "".join(part.default or "" if isinstance(part, Place) else part for part in template.parts).strip()
    if plain and not is_value(plain):
        raise ValueError(f"`headers`: {name!r} holds a line break, or what is not ASCII")
    return template
