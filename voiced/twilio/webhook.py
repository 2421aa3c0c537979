"""Twilio's webhooks, as forms in and TwiML out. Pure.

A request is from Twilio when it is signed with the auth token of the account it names: base64(HMAC-SHA1(token,
URL + sorted form)), the URL being the one we gave out (twilio.com/docs/usage/webhooks/webhooks-security). What the
request itself says of its host is never believed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import attrs
from twilio.twiml import voice_response
from twilio.twiml.voice_response import Connect, Stream, VoiceResponse

from voiced.call.records import CallInfo, Direction, Ending
from voiced.errors import Forged
from voiced.ivoiced import Apologise, Dial, Dialled, NewStream, Reject, Sequel
from voiced.secret import Secret

OVERRIDES = "#ct=2000&rc=5&rp=all&tt=15000"
"""How Twilio shall treat our URLs: 2 s to connect, five tries of whatever fails, 15 s in all. Not signed, never sent
to us (twilio.com/docs/usage/webhooks/webhooks-connection-overrides)."""

INCOMING, AFTER, FALLBACK = "/call/incoming", "/call/after", "/call/fallback"
STATUS, STREAM_STATUS, CONNECTION = "/call/status", "/call/stream-status", "/call/connection"
OUTBOUND, ANSWERED_BY, OUTBOUND_CONNECTION = "/outbound-call-twiml", "/call/answered-by", "/outbound-media-stream"
DEBUGGER = "/twilio/debugger"
REFERENCE = "call"
"""The query's name for our own name of a call that we have placed: the carrier may ask before we know its SID."""
TICKET = "ticket"
"""The name of the `<Parameter>`; with its value far under Twilio's 500 characters."""

UNSIGNED = (
    "its signature is not that of the account's auth token for this URL. If it was Twilio: is public_url the URL in "
    "its console, and auth_token the account's?"
)

ENDINGS = {
    "completed": Ending.CALLER_HUNG_UP,
    "busy": Ending.BUSY,
    "failed": Ending.FAILED,
    "no-answer": Ending.NO_ANSWER,
    "canceled": Ending.CANCELLED,
}
"""CallStatus -> how a call has ended, as far as the carrier alone can say."""

_DIALLED = {
    "completed": "answered",
    "answered": "answered",
    "busy": "busy",
    "no-answer": "no_answer",
    "canceled": "canceled",
}
"""DialCallStatus -> Dialled.result; whatever else it says is `failed`."""

_ANSWERED_BY = {"human": "human", "fax": "fax"}


@attrs.frozen
class Account:
    """A Twilio account or subaccount: its tokens verify what it signs (two while one is being rotated)."""

    name: str
    sid: str
    tokens: tuple[Secret, ...]
    number: str | None = None
    base_url: str | None = None
    region: str | None = None
    edge: str | None = None


class Accounts:
    """The accounts of voiced.yaml; each request says which one it is about."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.serve(accounts)

    def serve(self, accounts: Iterable[Account]) -> None:
        """These are the accounts from now on."""
        self.by_name = {account.name: account for account in accounts}
        self._by_sid = {account.sid: account for account in self.by_name.values()}

    def of(self, sid: str) -> Account:
        """The account of that SID. Raises Forged for a stranger's."""
        try:
            return self._by_sid[sid]
        except KeyError:
            raise Forged(
                "the Twilio account it names is not in voiced.yaml" if sid else "it names no account"
            ) from None


@attrs.frozen
class Form:
    """A webhook's form, its signature checked."""

    account: Account
    fields: Mapping[str, str]
    reference: str = attrs.field(default="", repr=False)
    """Our own name for the call, in the URL of whatever is asked about one that we have placed."""

    @property
    def call_sid(self) -> str:
        """The call it is about, "" when it does not say."""
        return self.fields.get("CallSid", "")

    def info(self) -> CallInfo:
        """Who is calling whom."""
        inbound = self.fields.get("Direction", "inbound") == "inbound"
        return CallInfo(
            sid=self.call_sid,
            account=self.account.name,
            caller=self.fields.get("From", ""),
            called=self.fields.get("To", ""),
            direction=Direction.INBOUND if inbound else Direction.OUTBOUND,
            attestation=self.fields.get("StirVerstat", ""),
        )

    def ending(self) -> Ending | None:
        """How the call ended, if this form says that it has."""
        return ENDINGS.get(self.fields.get("CallStatus", ""))

    def dialled(self) -> Dialled | None:
        """What became of a `<Dial>`, if this form is its `action`."""
        status = self.fields.get("DialCallStatus")
        if status is None:
            return None
        talked = self.fields.get("DialCallDuration", "")
        seconds = float(talked) if talked.isascii() and talked.isdigit() else 0.0
        return Dialled(_DIALLED.get(status, "failed"), seconds)

    def answered_by(self) -> str | None:
        """`human`, `machine`, `fax` or `unknown`, if this form says who has answered."""
        found = self.fields.get("AnsweredBy")
        if found is None:
            return None
        return "machine" if found.startswith("machine") else _ANSWERED_BY.get(found, "unknown")


def read(body: bytes, url: str, signature: str, accounts: Accounts, *, insecure: bool = False) -> Form:
    """A webhook's form, if it is Twilio's. Raises Forged, with what was wrong with it."""
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise Forged("its body is not a form") from error
    account = accounts.of(dict(fields).get("AccountSid", ""))
    if not (insecure or _signed(account, candidates(url), fields, signature)):
        raise Forged(UNSIGNED if signature else "it is not signed")
    return Form(account, dict(fields), dict(parse_qsl(urlsplit(url).query)).get(REFERENCE, ""))


def check_handshake(url: str, signature: str, accounts: Iterable[Account]) -> None:
    """Whether Twilio opened this WebSocket for one of these; `url` is the `wss:` URL of the TwiML. Raises Forged."""
    if not any(_signed(account, candidates(url), (), signature) for account in accounts):
        raise Forged(UNSIGNED if signature else "it is not signed")


def candidates(url: str) -> list[str]:
    """The forms of a URL that Twilio may have signed: with and without port; for wss also with a final slash.

    Never with a fragment or user and password, which are not signed.
    """
    try:
        parts = urlsplit(url)
        known = parts.port
    except ValueError:  # a request line that makes no URL: nobody has signed it
        return []
    host = parts.netloc.rpartition("@")[2]
    bare = host if host.endswith("]") else host.rpartition(":")[0] or host
    port = known or {"https": 443, "wss": 443}.get(parts.scheme, 80)
    hosts = dict.fromkeys((host, bare, f"{bare}:{port}"))
    paths = [parts.path]
    if parts.scheme == "wss":
        paths.append(parts.path.rstrip("/") if parts.path.endswith("/") else parts.path + "/")
    return [urlunsplit((parts.scheme, h, path, parts.query, "")) for h in hosts for path in paths]


def signature_of(token: Secret, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Twilio's signature of a form sent to a URL. A doubled value of a doubled name counts once."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(token.reveal().encode(), text.encode(), hashlib.sha1)).decode()


def _signed(account: Account, urls: Sequence[str], fields: Sequence[tuple[str, str]], signature: str) -> bool:
    good = False
    for token in account.tokens:
        for url in urls:
            good |= hmac.compare_digest(signature_of(token, url, fields).encode(), signature.encode())
    return good


class Answers:
    """The TwiML we answer with. Every URL in it is absolute and comes from `public_url`."""

    def __init__(self, public_url: str) -> None:
        self._base = public_url.rstrip("/")

    def url(self, path: str, reference: str = "") -> str:
        """An address of ours for Twilio to request, with its connection overrides."""
        query = "?" + urlencode({REFERENCE: reference}) if reference else ""
        return self._base + path + query + OVERRIDES

    def stream_url(self, call_sid: str, path: str = CONNECTION) -> str:
        """Where Twilio opens a call's stream. A WebSocket address has no fragment (RFC 6455 §3): no overrides."""
        return "ws" + self._base.removeprefix("http") + f"{path}/{quote(call_sid, safe='')}"

    def stream(self, call_sid: str, ticket: str, path: str = CONNECTION) -> str:
        """Open a stream; when it ends, by whichever way Twilio's pages promise, ask `/call/after`."""
        stream = Stream(
            url=self.stream_url(call_sid, path),
            status_callback=self.url(STREAM_STATUS),
            status_callback_method="POST",
        )
        stream.parameter(name=TICKET, value=ticket)
        connect = Connect(action=self.url(AFTER), method="POST")
        connect.append(stream)
        response = VoiceResponse()
        response.append(connect)
        response.redirect(self.url(AFTER), method="POST")
        return str(response)

    def dial(self, dial: Dial) -> str:
        """Connect the human with somebody else; what became of it comes to `/call/after`.

        `answerOnBridge`: the human hears the ringing, and is not billed as answered before the other side is there.
        """
        verb = voice_response.Dial(
            answer_on_bridge=True,
            timeout=dial.timeout,
            time_limit=dial.seconds,
            caller_id=dial.caller_id,
            action=self.url(AFTER),
            method="POST",
        )
        verb.sip(dial.to) if dial.to.startswith(("sip:", "sips:")) else verb.number(dial.to)
        response = VoiceResponse()
        response.append(verb)
        return str(response)

    def sequel(self, sequel: Sequel, call_sid: str, ticket: str, path: str = CONNECTION) -> str:
        """What follows a stream."""
        match sequel:
            case NewStream():
                return self.stream(call_sid, ticket, path)
            case Dial():
                return self.dial(sequel)
            case Reject(reason):
                rejected = VoiceResponse()
                rejected.reject(reason=reason)
                return str(rejected)
        response = VoiceResponse()
        if isinstance(sequel, Apologise):
            response.say(sequel.text)
        response.hangup()  # all there is to HangUp
        return str(response)
