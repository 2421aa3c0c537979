"""Checks of the way in: the name of public_url, who answers there, its certificate, and whether signatures hold."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from urllib.parse import urlencode

import attrs
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.names.error import DNSQueryTimeoutError, DomainError
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent

from voiced.doctor.certificate import Shown, day, look
from voiced.doctor.finding import Finding, bad, good, unasked
from voiced.doctor.world import Names, World, place_of
from voiced.net.exchange import Answer, exchange
from voiced.net.outside import is_public
from voiced.net.trouble import NETWORK, reason_of, sentence
from voiced.settings.daemon import Settings
from voiced.twilio import webhook
from voiced.twilio.webhook import Account, signature_of

MOST_BYTES = 16 * 1024
ANSWER_SECONDS = 8.0
"""How long the daemon, or its proxy, may take to answer."""
ALIVE = "Server is running"
"""What the daemon says at `/`."""
RENEW_DAYS = 7
"""A certificate that is good for less is not being renewed: what renews by itself does so weeks ahead."""
DAY = 86400.0
DNS_SECONDS = 8.0
"""How long a resolver may take."""
WRONG = base64.b64encode(bytes(20)).decode()
"""A signature that no token makes."""


@attrs.frozen
class Addresses:
    """What a host's name stands for; None: nobody could be asked."""

    host: str
    public: Sequence[str] | None
    """By public DNS."""
    own: Sequence[str] | None
    """By this machine's resolver."""

    @property
    def used(self) -> Sequence[str]:
        """Where Twilio would go; where that is not known, where this machine would."""
        return self.public or self.own or ()

    @property
    def inner(self) -> list[str]:
        """Addresses that the name has here, and not in public."""
        return [each for each in self.own or () if each not in (self.public or ())]


async def addresses(world: World, settings: Settings) -> Addresses:
    """Look the host of public_url up, both ways."""
    host = place_of(settings.public_url)[1]
    if isIPAddress(host) or isIPv6Address(host):
        return Addresses(host, [host], [host])
    public = Deferred.fromCoroutine(_names(world, world.public_names, host))
    own = Deferred.fromCoroutine(_names(world, world.own_names, host))
    return Addresses(host, await public, await own)


def dns(found: Addresses) -> Finding:
    """Whether the internet knows the name, and by public addresses only."""
    host, public = found.host, found.public
    here = f"; here it is {', '.join(found.own)}" if found.own else ""
    if public is None:
        return unasked("dns", f"no public resolver answers (is UDP to port 53 shut?){here}", host)
    if not public:
        only = f": only this machine's resolver does ({', '.join(found.own)})" if found.own else ""
        return bad("dns", f"public DNS knows no {host}{only}", "publish an A record for it; until then Twilio's "
                   "alerts say 11210", host)  # fmt: skip
    if inner := [each for each in public if not is_public(each)]:
        return bad("dns", f"public DNS says {', '.join(inner)}, and nobody outside can go there",
                   "publish the public address of your router or server, or use a tunnel", host)  # fmt: skip
    note = ""
    if found.inner:
        note = (
            f". It hairpins: here the name is {', '.join(found.inner)}, "
            "so what this machine reaches by it says nothing of the way from outside"
        )
    return good("dns", f"{', '.join(public)}{note}", host)


async def reach(world: World, settings: Settings, found: Addresses) -> Finding:
    """Whether the daemon answers at public_url, at the address that public DNS gives."""
    url, name = settings.public_url + "/", "public url"
    if not found.used:
        return unasked(name, "its host has no address", url)
    address = found.used[0]
    try:
        answer = await _get(world, world.visit(found.host, address), url)
    except NETWORK:
        why = sentence(Failure(), address).replace("base_url", "the proxy")
        if isinstance(reason_of(Failure()), SSL.Error | VerificationError):
            return unasked(name, f"{address} takes the connection, and its certificate is no good: see tls", url)
        if found.inner and await _alive(world, found, url):
            return bad(name, f"it is only reachable from here: {found.inner[0]} answers, {address} does not",
                       "forward TCP 443 to this machine. (A router that does not hairpin looks the same from "
                       f"within: ask from elsewhere, `curl {url}`)", url)  # fmt: skip
        return bad(name, f"nobody answers at {address}: {why}",
                   "start the proxy before the daemon (config/Caddyfile), and open TCP 443 to it", url)  # fmt: skip
    if not _is_ours(answer):
        return bad(
            name, f"what answers at {address} is not the daemon (HTTP {answer.status})", _not_ours(answer), url
        )
    return good(name, f"the daemon answers at {address}{_shortcut(world, found, address)}", url)


async def tls(world: World, settings: Settings, found: Addresses) -> Finding:
    """Whether the certificate is for the host, good for a while, and trusted by the system's store."""
    parts, host, port = place_of(settings.public_url)
    if parts.scheme != "https":
        return unasked("tls", "public_url is http (`insecure: true`)", host)
    if not found.used:
        return unasked("tls", "its host has no address", host)
    try:
        shown = await look(world.endpoint(found.used[0], port), host, world.clock).addTimeout(
            ANSWER_SECONDS, world.clock
        )
    except NETWORK:
        why = sentence(Failure(), f"{found.used[0]}:{port}").replace("base_url", "the proxy")
        fix = "have something that speaks TLS listen there: config/Caddyfile does"
        return bad("tls", f"no handshake: {why}", fix, host)
    return judged(shown, host, world.now)


def judged(shown: Shown, host: str, now: float) -> Finding:
    """What is to be said of it at that moment (seconds since the epoch)."""
    left = (shown.until - now) / DAY
    if shown.faults:
        return bad("tls", f"{'; '.join(shown.faults)} (until {day(shown.until)})", "let the proxy get a certificate "
                   "of a public authority, and send its whole chain (fullchain.pem)", host)  # fmt: skip
    if not shown.for_host:
        return bad("tls", f"the certificate is for {', '.join(shown.names) or 'nobody'}, and not for {host}",
                   "get one for the host of public_url, or correct public_url", host)  # fmt: skip
    if left < RENEW_DAYS:
        says = f"the certificate ends on {day(shown.until)}, in {left:.1f} days, and nobody has renewed it"
        return bad("tls", says, "see the log of what renews it (Caddy, certbot)", host)
    return good("tls", f"trusted, for {host}, until {day(shown.until)} ({left:.0f} days)", host)


async def signature(world: World, settings: Settings, found: Addresses, account: Account) -> Finding:
    """Whether a webhook that is signed rightly is taken at public_url, and one that is not refused."""
    name, about = "signature", account.name
    if settings.plain.insecure or not account.tokens:
        return unasked(name, "nothing is signed (`insecure: true`)", about)
    if not found.used:
        return unasked(name, "the host of public_url has no address", about)
    agent = world.visit(found.host, found.used[0])
    try:
        right = await knock(agent, settings.public_url, account)
        wrong = await knock(agent, settings.public_url, account, WRONG)
    except NETWORK:
        return unasked(name, "public_url could not be asked", about)
    if wrong.status < 300:
        return bad(name, "a request with a wrong signature was accepted", "restart the daemon with these settings: "
                   "it may run with `insecure: true`; or something else answers", about)  # fmt: skip
    if right.status == 403:
        return bad(name, "our own signature is refused", "restart the daemon with these settings (public_url and "
                   "auth_token), and let the proxy leave the path and query alone", about)  # fmt: skip
    if right.status >= 300 or wrong.status != 403:
        return bad(name, f"the webhook answers {right.status}, a forged one {wrong.status}", _not_ours(right), about)
    return good(name, "a signed webhook is accepted, a forged one refused", about)


async def knock(agent: IAgent, public_url: str, account: Account, signed: str | None = None) -> Answer:
    """Send the daemon a status callback that changes nothing, of a call that there is not; rightly signed, or so."""
    form = {"AccountSid": account.sid, "CallSid": "CA" + secrets.token_hex(16), "CallStatus": "in-progress"}
    return await post(agent, public_url + webhook.STATUS, form, account, signed)


async def post(agent: IAgent, url: str, form: dict[str, str], account: Account, signed: str | None = None) -> Answer:
    """A webhook as Twilio sends it, signed rightly, or with this signature. Fails with what is in NETWORK."""
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "user-agent": "voiced",
        "x-twilio-signature": signed or signature_of(account.tokens[0], url, form.items()),
    }
    answer: Answer = await exchange(agent, "POST", url, headers, urlencode(form).encode(), MOST_BYTES)
    return answer


async def _names(world: World, resolve: Names, host: str) -> Sequence[str] | None:
    try:
        return await resolve(host).addTimeout(DNS_SECONDS, world.clock)
    except (DomainError, DNSQueryTimeoutError, *NETWORK):
        return None


async def _get(world: World, agent: IAgent, url: str) -> Answer:
    asked = exchange(agent, "GET", url, {"user-agent": "voiced"}, None, MOST_BYTES)
    answer: Answer = await asked.addTimeout(ANSWER_SECONDS, world.clock)
    return answer


async def _alive(world: World, found: Addresses, url: str) -> bool:
    """Whether the daemon answers at the address that the name has here."""
    try:
        return _is_ours(await _get(world, world.visit(found.host, found.inner[0]), url))
    except NETWORK:
        return False


def _is_ours(answer: Answer) -> bool:
    try:
        return answer.status == 200 and json.loads(answer.body).get("message") == ALIVE
    except (ValueError, AttributeError):
        return False


def _not_ours(answer: Answer) -> str:
    if answer.status in (502, 503, 504):
        return "start the daemon: the proxy finds nobody behind it (`listen:` says where)"
    if answer.status == 404:
        return "let the proxy pass every path on to the daemon, as it is"
    if 300 <= answer.status < 400:
        return "set public_url to where it leads: Twilio's signature is for the first address"
    return "set public_url to the daemon's own address, or let the proxy pass all of it on"


def _shortcut(world: World, found: Addresses, address: str) -> str:
    if world.is_own(address):
        return (
            ", which is this machine's own address: the way from outside was not walked (Twilio's alerts tell of it)"
        )
    if found.public is None:
        return ", by this machine's resolver"
    return ""
