"""What Twilio's error codes mean for whoever asked for a call, and for the operator. Pure.

Source of codes and meanings: twilio.com/docs/api/errors, and its dictionary of 2023-05.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class Meaning:
    """What a code means: the HTTP status for the API client who has asked, and a sentence that says what to do."""

    answer: int
    sentence: str
    alarm: bool = False
    """Whether it is the operator who has to do something: the log says so at once."""


THEIRS = 400
"""The request is at fault: another number, and it may go."""
LATER = 503
"""The account is busy: the same request may go later."""
OURS = 502
"""The account, or how it is set up, is at fault: the operator has to act."""

MEANINGS = {
    10004: Meaning(LATER, "as many calls are live as the Twilio account allows; repeat it later", alarm=True),
    20003: Meaning(OURS, "Twilio refuses our credentials: check account_sid and auth_token", alarm=True),
    20404: Meaning(
        OURS, "Twilio does not know this account or call: check account_sid, region and base_url", alarm=True
    ),
    20429: Meaning(LATER, "Twilio has too many requests of ours at once; repeat it later"),
    21201: Meaning(THEIRS, "no number to call was given"),
    21205: Meaning(OURS, "Twilio takes no call with our public_url: is it reachable by https?", alarm=True),
    21210: Meaning(OURS, "the number we call from is not one of the Twilio account: check `number`", alarm=True),
    21211: Meaning(THEIRS, "this is not a number that can be called"),
    21212: Meaning(OURS, "the number we call from is not a number: check `number`", alarm=True),
    21213: Meaning(OURS, "no number to call from: set `number` of the Twilio account", alarm=True),
    21214: Meaning(THEIRS, "this number cannot be reached"),
    21215: Meaning(
        OURS,
        "Twilio may not call this country: allow it in the console, at Voice, Settings, Geo permissions",
        alarm=True,
    ),
    21216: Meaning(THEIRS, "Twilio does not call this number: it is on its list of blocked ones"),
    21217: Meaning(THEIRS, "this number does not look like one"),
    21218: Meaning(OURS, "Twilio does not know the application or state that it was asked for", alarm=True),
    21219: Meaning(
        OURS, "a Twilio trial account calls verified numbers only: upgrade it, or verify this one", alarm=True
    ),
    21220: Meaning(409, "the call is in a state in which this cannot be done"),
    21262: Meaning(OURS, "answering-machine detection was asked for without an address for its answer", alarm=True),
    21266: Meaning(THEIRS, "a text cannot go to the very number that it comes from"),
    21408: Meaning(
        OURS,
        "Twilio may not text this country: allow it in the console, at Messaging, Settings, Geo permissions",
        alarm=True,
    ),
    21602: Meaning(THEIRS, "there is nothing in the text"),
    21603: Meaning(OURS, "no number to text from: write `from` into the flow's `sms`", alarm=True),
    21604: Meaning(THEIRS, "no number to text was given"),
    21606: Meaning(
        OURS, "the number we text from sends no texts to there: check the flow's `from`, and the number", alarm=True
    ),
    21608: Meaning(
        OURS, "a Twilio trial account texts verified numbers only: upgrade it, or verify this one", alarm=True
    ),
    21610: Meaning(THEIRS, "they have replied STOP to this number of ours: they have to text START to it first"),
    21611: Meaning(LATER, "too many texts of this number of ours are queued; repeat it later", alarm=True),
    21612: Meaning(THEIRS, "Twilio knows no way for a text from our number to this one"),
    21614: Meaning(THEIRS, "this is not a number that can be texted"),
    21617: Meaning(THEIRS, "the text has more characters than Twilio takes"),
    21635: Meaning(THEIRS, "this is a landline, which takes no texts"),
    21659: Meaning(
        OURS, "the number we text from is none of Twilio's: check the flow's `from`, and our number", alarm=True
    ),
    21660: Meaning(
        OURS, "the number we text from belongs to another Twilio account: check the flow's `from`", alarm=True
    ),
    21661: Meaning(
        OURS, "the number we text from sends no texts: take one that Twilio calls SMS-capable", alarm=True
    ),
    30034: Meaning(
        OURS,
        "the networks there take texts of registered numbers only: register ours in the console",
        alarm=True,
    ),
    22001: Meaning(504, "the call was not taken in time"),
    11100: Meaning(OURS, "Twilio takes an address of ours for none: check public_url", alarm=True),
    11200: Meaning(OURS, "Twilio got no good answer from public_url: check proxy and daemon", alarm=True),
    11205: Meaning(OURS, "Twilio could not connect to public_url: check proxy and firewall", alarm=True),
    11206: Meaning(OURS, "what answers at public_url does not speak HTTP: check the proxy", alarm=True),
    11210: Meaning(OURS, "Twilio cannot find the host of public_url: check DNS", alarm=True),
    11215: Meaning(OURS, "public_url redirects too often: check the proxy", alarm=True),
    11220: Meaning(OURS, "TLS with public_url failed: check the proxy", alarm=True),
    11235: Meaning(OURS, "the certificate of public_url is for another name", alarm=True),
    11237: Meaning(OURS, "the certificate chain of public_url is not whole, or not trusted", alarm=True),
    11750: Meaning(OURS, "an answer of ours is longer than the 64 KB of TwiML that Twilio reads", alarm=True),
    12100: Meaning(OURS, "an answer of ours is no XML", alarm=True),
    12200: Meaning(OURS, "an answer of ours is no TwiML", alarm=True),
    12300: Meaning(
        OURS, "an answer of ours has a content type that Twilio does not read: check the proxy", alarm=True
    ),
    13214: Meaning(OURS, "a transfer's caller id is neither the account's number nor the caller's own", alarm=True),
    13223: Meaning(THEIRS, "the number of a transfer is none"),
    13224: Meaning(THEIRS, "the number of a transfer cannot be called"),
    13225: Meaning(THEIRS, "Twilio does not call the number of a transfer: it is blocked"),
    13226: Meaning(THEIRS, "the country of a transfer's number is none that Twilio calls"),
    13227: Meaning(OURS, "Twilio may not call the country of a transfer: allow it at Geo permissions", alarm=True),
    13521: Meaning(OURS, "a sentence for Twilio's own voice is too long", alarm=True),
    15003: Meaning(OURS, "Twilio did not like our answer to a status callback", alarm=True),
    31404: Meaning(THEIRS, "this number, or address, is not known"),
    31480: Meaning(THEIRS, "nobody can be reached at this number now"),
    31486: Meaning(THEIRS, "this number is busy"),
    31900: Meaning(OURS, "the media stream failed", alarm=True),
    31901: Meaning(OURS, "Twilio could not connect to the media stream in time: check the proxy", alarm=True),
    31902: Meaning(OURS, "public_url refused the media stream: check the proxy", alarm=True),
    31903: Meaning(OURS, "the connection of the media stream broke", alarm=True),
    31904: Meaning(OURS, "Twilio found no way to public_url for the media stream", alarm=True),
    31910: Meaning(OURS, "TLS of the media stream failed: check the proxy", alarm=True),
    31920: Meaning(OURS, "the media stream was refused: does the proxy pass WebSockets on?", alarm=True),
    31921: Meaning(OURS, "the media stream was closed"),
    31922: Meaning(OURS, "the media stream's address does not begin with wss: check public_url", alarm=True),
    31923: Meaning(OURS, "the media stream's address is none: check public_url", alarm=True),
    31924: Meaning(OURS, "what answered the media stream broke the WebSocket protocol", alarm=True),
    31930: Meaning(OURS, "the daemon took a caller's audio too slowly: is the machine overloaded?", alarm=True),
    31931: Meaning(OURS, "more than ten minutes of audio were queued at Twilio", alarm=True),
    31940: Meaning(OURS, "the media stream's connector is wrong", alarm=True),
    31941: Meaning(OURS, "the media stream's track is wrong", alarm=True),
    31942: Meaning(OURS, "the media stream's connector is set up wrongly", alarm=True),
    31950: Meaning(OURS, "a message of ours on a media stream was malformed", alarm=True),
    31951: Meaning(OURS, "a message of ours on a media stream was not valid", alarm=True),
    31960: Meaning(LATER, "the account may have no more media streams now; repeat it later", alarm=True),
    32014: Meaning(OURS, "Twilio ended a call for want of audio", alarm=True),
    32018: Meaning(OURS, "TwiML of ours in a request was longer than 4000 characters", alarm=True),
}
"""Every code that a request of ours, or a call of ours, may meet (reference: Twilio's own list)."""


def meaning(code: int, status: int) -> Meaning:
    """What it means that Twilio answered so; `code` 0 where it gave none."""
    known = MEANINGS.get(code)
    if known is not None:
        return known
    if status == 429:
        return MEANINGS[20429]
    if status in (401, 403):
        return MEANINGS[20003]
    if status == 404:
        return MEANINGS[20404]
    if 400 <= status < 500 and code:
        return Meaning(THEIRS, f"Twilio refuses it: see https://www.twilio.com/docs/api/errors/{code}")
    return Meaning(OURS, "Twilio could not do it now")
