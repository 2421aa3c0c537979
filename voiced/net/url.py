"""The URL of a web service: fixed by its operator up to the path, with places in it that others' words fill.

Those words come from a stranger (an agent's arguments, a caller's facts): they never choose whom we ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

import attrs
import idna

Value = str | int | float | bool
"""What may stand in a place."""

_PRINTABLE = re.compile(r"[!-~]*")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.ASCII)
_PLACE = re.compile(r"\{([^{}]*)\}")


@attrs.frozen
class UrlTemplate:
    """A URL with `{name}` where a value goes: in its path or query, never where it says whom to ask."""

    text: str = attrs.field(repr=False)
    host: str

    @classmethod
    def parse(cls, text: str) -> UrlTemplate:
        """Check it. Raises ValueError with a sentence, which does not repeat the URL: it may hold a key."""
        if not _PRINTABLE.fullmatch(text) or "\\" in text or "#" in text:
            raise ValueError("`url` must be plain ASCII, without spaces, `\\` and `#`: percent-encode the rest")
        if any(brace in _PLACE.sub("", text) for brace in "{}"):
            raise ValueError("`url` has a brace without its other one")
        url = _split(text)
        if url is None or url.scheme not in ("http", "https") or not _HOST.fullmatch(url.hostname or ""):
            raise ValueError("`url` must be like https://host.example/path; only path and query may have a {name}")
        if not _may_be_found(url.hostname or ""):
            raise ValueError(
                "`url` has a host that no DNS can know: between its dots stand 1 to 63 letters, digits and `-`, "
                "which is neither the first nor the last of them"
            )
        if "@" in url.netloc:
            raise ValueError("`url` must not hold a user's name: write `headers: {Authorization: …}`")
        if _climbs(url.path):
            raise ValueError("`url` must not have `.` or `..` as a part of its path")
        return cls(text, url.hostname or "")

    @property
    def names(self) -> list[str]:
        """The places that it has, in order."""
        return _PLACE.findall(self.text)

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.text.lower().startswith("https:")

    def fill(self, values: Mapping[str, Value], query: Mapping[str, Value]) -> str:
        """The URL with these values in their places, and these in its query.

        Raises ValueError, with a sentence, for a value that would make it the URL of something else: `..`, or
        nothing at all.
        """
        path, mark, rest = self.text.partition("?")
        if "" in (_text(values[name]) for name in _PLACE.findall(path)):
            raise ValueError("What stands in the URL must not be empty.")
        path, rest = (_PLACE.sub(lambda place: _quoted(values[place[1]]), part) for part in (path, rest))
        if _climbs(path):
            raise ValueError("What stands in the URL must be a name, not a path.")
        more = urlencode({name: _text(value) for name, value in query.items()}, errors="replace")
        return path + "?" * bool(mark or more) + rest + "&" * bool(rest and more) + more


def _split(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        return url if url.port != 0 else None
    except ValueError:
        return None


def _may_be_found(host: str) -> bool:
    """Whether it is an address, or a name that Twisted will look up: it encodes each as IDNA 2008 says, ours too."""
    try:
        return ":" in host or bool(idna.encode(host))
    except idna.IDNAError:
        return False


def _text(value: Value) -> str:
    """As APIs write it in a URL."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(value: Value) -> str:
    return quote(_text(value), safe="", errors="replace")


def _climbs(path: str) -> bool:
    """Whether it has a `.` or `..` that a server may follow: some decode %2F first, some drop what follows a `;`."""
    steps = unquote(path).replace("\\", "/").split("/")
    return any(step.partition(";")[0] in (".", "..") for step in steps)
