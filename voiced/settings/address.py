"""Where the daemon is: the endpoint it listens on, and the URL by which the carrier knows it."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

_ODD = re.compile(r"[^!-~]")
_FIELD = re.compile(r"(?:[^\\:]|\\.)*")
_HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+")


def listen(part: Part) -> Any:
    """A Twisted endpoint description, as far as it can be checked without opening it."""
    text = part.text()
    if text is BROKEN:
        return BROKEN
    fields = _fields(text)
    if len(fields) < 2:
        return part.wrong(f'{part.written} is no endpoint like "uv:8080:interface=127.0.0.1"')
    if fields[0] in ("tcp", "tcp6", "uv", "uvtls") and not _port(fields[1]):
        return part.wrong(f"{part.written} has no port from 0 to 65535 after `{fields[0]}:`")
    return text


def held_by_systemd(endpoint: str) -> bool:
    """Whether the socket is one that systemd holds, and hands to the service only."""
    return endpoint.startswith(("systemd:", "uvsystemd:"))


def loopback(endpoint: str) -> bool:
    """Whether only this machine can reach the endpoint."""
    fields = _fields(endpoint)
    if fields[0] == "uvunix" or "unix" in fields[:2]:
        return True
    interfaces = [field.partition("=")[2] for field in fields if field.startswith("interface=")]
    return bool(interfaces) and all(map(local, interfaces))


def local(host: str | None) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def port(endpoint: str) -> str:
    """The port that an endpoint names, "" when it names none."""
    return next((field for field in map(_bare_port, _fields(endpoint)) if _port(field)), "")


def public_url(part: Part, *, insecure: bool) -> Any:
    """The URL that signatures and streams are made from, without a slash at its end."""
    url = _split(part)
    if url is BROKEN:
        return BROKEN
    if url.scheme != "https" and not (insecure and url.scheme == "http"):
        return part.wrong(f"{part.written} must begin with https:// (http:// is for `insecure: true` only)")
    if "?" in part.value or "#" in part.value:
        return part.wrong(f"{part.written} must end with its path: without `?` and `#`")
    return url.geturl().rstrip("/")


def base_url(part: Part) -> Any:
    """The URL of a vendor's API, None when it is not set. Keys are sent there: http only within this machine."""
    if part.value is None:
        return None
    url = _split(part)
    if url is BROKEN:
        return BROKEN
    if url.scheme != "https" and not (url.scheme == "http" and local(url.hostname)):
        return part.wrong(f"{part.written} must begin with https:// (http:// is for this machine itself)")
    return url.geturl().rstrip("/")


def _split(part: Part) -> SplitResult | Any:
    text = part.text()
    if text is BROKEN:
        return BROKEN
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        url, host = urlsplit(""), ""
    if not _HOST.fullmatch(host) or "//" in url.path or "@" in url.netloc or _ODD.search(text):
        shown = "this" if "@" in text else part.written  # before an @ there may be a password
        return part.wrong(f"{shown} is no URL like https://voice.example.com: a scheme, a host, at most a path")
    return url


def _fields(endpoint: str) -> list[str]:
    """The fields of an endpoint description, between colons; a backslash keeps a colon (`interface=\\:\\:1`)."""
    fields, at = [], 0
    while at <= len(endpoint):
        field = _FIELD.match(endpoint, at)
        end = field.end() if field else at
        fields.append(re.sub(r"\\(.)", r"\1", endpoint[at:end]))
        at = end + 1
    return fields


def _bare_port(field: str) -> str:
    return field.removeprefix("port=")


def _port(field: str) -> bool:
    text = _bare_port(field)
    return text.isascii() and text.isdigit() and int(text) < 65536
