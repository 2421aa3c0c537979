"""What to do about Twilio's alerts of our webhooks and media streams: code -> a line for the operator. Pure.

What each means is voiced.twilio.refusals'; those that only the debugger knows are here with theirs. Source:
twilio.com/docs/api/errors, and its dictionary of 2023-05.
"""

from __future__ import annotations

from voiced.twilio.refusals import MEANINGS, Meaning

_SEEN_ONLY = {
    11201: "Twilio's connection to public_url timed out",
    11202: "public_url refused Twilio's connection",
    11203: "public_url took longer than the 15 s that a webhook may",
    11236: "the certificate of public_url has expired",
    11240: "the edge (`e=`) behind the `#` of a URL is none of Twilio's",
    11241: "the edge (`e=`) behind the `#` of a URL cannot be used",
    11243: "what stands behind the `#` of a URL is no policy of retries",
    11251: "what answers at public_url broke HTTP",
    31952: "the media stream asked for an extension that the account does not have",
}
"""Codes that no request of ours meets: what they mean."""

_OPEN = "open TCP 443 of the proxy to everybody (Twilio has no fixed addresses), and see that the proxy runs"
_TLS = "renew or complete the certificate: `voiced doctor` shows its dates, names and chain"
_URLS = "`voiced connect` with the number sets all three URLs anew"
_WEBSOCKET = "have the proxy pass WebSockets on: config/Caddyfile does"

FIXES = {
    10004: "raise the account's concurrency at Twilio (a business profile), or lower `limits.calls`",
    11100: _URLS,
    11200: "look for the time of the alert in the daemon's and the proxy's log: 403 is the signature (public_url, "
    "auth_token), 404 the path, 502 a daemon that is down",
    11201: _OPEN,
    11202: _OPEN,
    11203: "see what the daemon waited for (its log), and whether the machine is overloaded",
    11205: _OPEN,
    11206: "see that the port of public_url speaks HTTPS, and nothing else is behind it",
    11210: "publish an A record of public_url's host in public DNS",
    11215: "take redirects out of the proxy: webhooks are answered where they are asked",
    11220: "let the proxy speak TLS 1.2 with usual ciphers: " + _TLS,
    11235: _TLS,
    11236: _TLS,
    11237: _TLS,
    11240: _URLS,
    11241: _URLS,
    11243: _URLS,
    11251: "see what answers at public_url: it has to be the proxy before the daemon",
    11750: "shorten what Twilio speaks itself (apology, busy, refusal), or see what answers in our place",
    12100: "see what answers at public_url: the daemon writes XML only, an error page of a proxy is none",
    12200: "see what answers at public_url, and report it: the daemon's TwiML is valid",
    12300: "let the proxy leave Content-Type alone",
    13214: "take a `caller_id` that the account owns or has verified",
    13227: "allow the country in the console: Voice, Settings, Geo permissions",
    15003: "see the daemon's log: status callbacks are answered 204, and 403 where the signature is wrong",
    31900: "see the daemon's log for this call; it goes on by itself where the call still lives",
    31901: _OPEN,
    31902: _OPEN,
    31903: "see whether the proxy or the daemon was restarted then; the call went on by a new stream",
    31904: "publish an A record of public_url's host in public DNS, with a public address",
    31910: _TLS,
    31920: _WEBSOCKET,
    31921: "nothing, where the call ended in order: we close the stream when its flow is over",
    31922: "let public_url begin with https://",
    31923: "correct public_url",
    31924: _WEBSOCKET,
    31930: "carry fewer calls on this machine (`limits.calls`), or give it a faster core",
    31931: "shorten what is said at once: ten minutes are the most",
    31950: "report it, with the daemon's log of this call",
    31951: "report it, with the daemon's log of this call",
    31960: "raise the account's limit of media streams at Twilio",
    32014: "see why the flow said nothing: `voiced why` with the call",
}


def alert_meaning(code: int) -> Meaning:
    """What an alert with this code says; it alarms where the operator has to do something."""
    known = MEANINGS.get(code)
    if known is not None:
        return known
    return Meaning(502, _SEEN_ONLY.get(code, "Twilio complains"), alarm=True)


def fix(code: int) -> str:
    """What to do about it, in a line."""
    return FIXES.get(code, f"see https://www.twilio.com/docs/api/errors/{code}")
