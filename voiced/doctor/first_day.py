"""The first day of a number: whose it is, where its calls go, having them come here, and a call that tries it."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from voiced.call.dialplan import DialPlan
from voiced.doctor import account, way_in
from voiced.doctor.finding import Finding, bad, good
from voiced.doctor.world import World
from voiced.errors import VoicedError
from voiced.net.exchange import Answer
from voiced.net.trouble import NETWORK, sentence
from voiced.settings.load import Configuration
from voiced.twilio import webhook
from voiced.twilio.console import AccountState, NumberState, TwilioConsole, known
from voiced.twilio.webhook import Account

CHECK = "test request"
PATIENCE = 15.0
"""Seconds for which Twilio itself would wait (connection overrides: `tt`)."""
_STREAM = re.compile(r"<Stream\b[^>]*\burl=\"([^\"]*)\"")
_SAY = re.compile(r"<Say\b[^>]*>([^<]*)</Say>")

Changes: TypeAlias = Mapping[str, tuple[str, str]]


class NotOurs(VoicedError):
    """No account of these settings has this number, or it cannot be pointed here."""


@attrs.frozen
class Found:
    """A number in its account."""

    console: TwilioConsole
    state: AccountState
    number: NumberState
    wanted: NumberState

    @property
    def changes(self) -> Changes:
        """What has to be changed: name -> (as it is, as it will be)."""
        return account.astray(self.number, self.wanted, exact=True)


async def find(world: World, configuration: Configuration, number: str) -> Found:
    """The number in whichever account has it. Raises NotOurs, and CarrierError."""
    settings = configuration.settings
    others: list[NumberState] = []
    for each in settings.accounts:
        console = TwilioConsole(each, world.http, world.clock)
        listed = await console.numbers()
        others += listed
        for one in listed:
            if one.number == number:
                if why := account.unfit(one):
                    raise NotOurs(f"{number}: {why.says}; {why.fix}")
                return Found(console, await console.state(), one, account.ours(settings.public_url, one))
    raise NotOurs(
        f"no account of these settings has the number {number}; they have {known(others)}. Buy it in Twilio's "
        "console, or add its account to `twilio:`"
    )


def answers(configuration: Configuration, number: str) -> str | None:
    """The flow that answers calls to it."""
    return DialPlan(configuration.settings.numbers).flow_for(number)


async def point(found: Found) -> Changes:
    """Have its calls come here; gives what is still astray. Raises CarrierError."""
    return account.astray(await found.console.point(found.number, found.wanted), found.wanted)


async def ring(world: World, configuration: Configuration, found: Found) -> Finding:
    """Send our own webhook what Twilio sends when the number rings, and say what it answered; then hang up.

    The daemon takes it for a call of no seconds, which its journal has.
    """
    settings, whose = configuration.settings, found.console.account
    if settings.plain.insecure or not whose.tokens:
        return bad(CHECK, "nothing is signed (`insecure: true`)", "take `insecure` out before Twilio calls")
    names = await way_in.addresses(world, settings)
    if not names.used:
        return bad(CHECK, f"the host {names.host} has no address", "`voiced doctor` says more")
    agent = world.visit(names.host, names.used[0])
    form = _form(whose, found.number.number)

    async def asked() -> Answer:
        answer = await way_in.post(agent, settings.public_url + webhook.INCOMING, form, whose)
        over = {**form, "CallStatus": "completed"}
        await way_in.post(agent, settings.public_url + webhook.STATUS, over, whose)
        return answer

    try:
        answer = await Deferred.fromCoroutine(asked()).addTimeout(PATIENCE, world.clock)
    except NETWORK:
        why = sentence(Failure(), names.host).replace("base_url", "the proxy")
        return bad(CHECK, why, "start the daemon and the proxy before it; `voiced doctor` says more")
    return _judged(answer, form["CallSid"])


def _form(whose: Account, number: str) -> dict[str, str]:
    return {
        "CallSid": "CA" + secrets.token_hex(16),
        "AccountSid": whose.sid,
        "From": number,
        "To": number,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
    }


def _judged(answer: Answer, call: str) -> Finding:
    text = answer.body.decode(errors="replace")
    if answer.status == 403:
        return bad(CHECK, "our own signature is refused", "restart the daemon with these settings; `voiced doctor` "
                   "says more")  # fmt: skip
    if answer.status != 200:
        return bad(CHECK, f"it answered HTTP {answer.status}", "`voiced doctor` says what answers there")
    if stream := _STREAM.search(text):
        return good(CHECK, f"it answered with a stream to {html.unescape(stream[1])} (call {call} of the journal)")
    if spoken := _SAY.search(text):
        return bad(CHECK, f"callers would hear: {html.unescape(spoken[1])!r}", "name a flow for the number in "
                   "`numbers:`; the daemon's log has the reason")  # fmt: skip
    return bad(CHECK, "its answer opens no stream", "see what answers there: `voiced doctor`")


def told(state: AccountState) -> Sequence[str]:
    """What the account can do, for people."""
    kind = "a full account" if not state.trial else account.TRIAL
    lines = [f"Twilio: {kind}"]
    if state.status != "active":
        lines.append(f"Twilio says that the account is {state.status}: see the console's first page")
    return lines
