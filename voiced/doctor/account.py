"""Checks at Twilio: what kind of account it is, where its numbers lead, what its debugger has shown lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import attrs
from twisted.internet.defer import Deferred

from voiced.doctor.finding import Finding, Verdict, bad, good, unasked
from voiced.doctor.world import World
from voiced.errors import CarrierError
from voiced.settings.daemon import Settings
from voiced.twilio import webhook
from voiced.twilio.console import Notice, NumberState, TwilioConsole, known
from voiced.twilio.remedies import alert_meaning, fix
from voiced.twilio.webhook import Account, Answers

LAST_DAY = 86400.0
TRIAL = (
    "a trial account: it strips <Stream> from TwiML, so that no audio ever reaches us; calls end after ten minutes, "
    "and only verified numbers can be rung"
)
LIMITS = "(how many calls at once, its API does not say; new accounts without a business profile: two or three)"


def ours(public_url: str, number: NumberState) -> NumberState:
    """The same number, as it has to be for its calls to come here."""
    url = Answers(public_url).url
    return attrs.evolve(
        number,
        voice_url=url(webhook.INCOMING),
        voice_method="POST",
        fallback_url=url(webhook.FALLBACK),
        fallback_method="POST",
        status_url=url(webhook.STATUS),
        status_method="POST",
        receive_mode="voice",
    )


@attrs.frozen
class Unfit:
    """Why a number cannot be ours, and what to do about it."""

    says: str
    fix: str


def unfit(number: NumberState) -> Unfit | None:
    """What keeps calls of a number from coming here, whatever its own URLs are; None: nothing does."""
    if number.trunk_sid:
        fix = "take it out of the trunk in the console (Elastic SIP Trunking), then `voiced connect`"
        return Unfit(f"its calls go to the SIP trunk {number.trunk_sid}", fix)
    if number.application_sid:
        fix = "let it be configured with a webhook instead in the console, then `voiced connect`"
        return Unfit(f"its calls go to the TwiML app {number.application_sid}", fix)
    return None if number.voice else Unfit("it cannot be called: it has no voice", "take another number")


def astray(number: NumberState, wanted: NumberState, *, exact: bool = False) -> Mapping[str, tuple[str, str]]:
    """What is not as it has to be: name -> (as it is, as it has to be). What stands behind a `#` may differ, unless
    `exact`."""
    now, then = attrs.asdict(number), attrs.asdict(wanted)
    return {
        name: (now[name], then[name])
        for name in now
        if name not in ("sid", "number", "voice", "trunk_sid", "application_sid")
        and now[name] != then[name]
        and (exact or now[name].partition("#")[0] != then[name].partition("#")[0])
    }


def written(changes: Mapping[str, tuple[str, str]]) -> str:
    """What is astray, for people."""
    return ", ".join(f"{name.replace('_', ' ')} is {old or 'empty'}" for name, (old, _) in changes.items())


async def state(console: TwilioConsole) -> Finding:
    """Whether the account can carry calls."""
    about = console.account.name
    try:
        found = await console.state()
    except CarrierError as error:
        return _not_asked("account", error, about)
    if found.status != "active":
        return bad("account", f"Twilio says that it is {found.status}", "see the console's first page: balance, "
                   "or a mail of Twilio's", about)  # fmt: skip
    if found.trial:
        return bad("account", TRIAL, "upgrade it: console.twilio.com, Billing", about)
    return good("account", f"a full account, active {LIMITS}", about)


async def alerts(world: World, console: TwilioConsole) -> list[Finding]:
    """What the debugger has shown since yesterday, a finding for each code."""
    about = console.account.name
    try:
        found = await console.alerts(world.now - LAST_DAY, world.now)
    except CarrierError as error:
        return [_not_asked("alerts", error, about)]
    by_code: dict[int, list[Notice]] = defaultdict(list)
    for notice in found:
        by_code[notice.code].append(notice)
    bad_ones = [_alert(code, notices, about) for code, notices in sorted(by_code.items()) if _counts(code, notices)]
    if bad_ones:
        return bad_ones
    others = f" that needs anything done ({len(found)} others)" if found else ""
    return [good("alerts", f"none in the last day{others}", about)]


def _counts(code: int, notices: Sequence[Notice]) -> bool:
    return alert_meaning(code).alarm and any(notice.level in ("error", "warning") for notice in notices)


def _alert(code: int, notices: Sequence[Notice], about: str) -> Finding:
    last = max(notices, key=lambda notice: notice.at)
    when = datetime.fromtimestamp(last.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    call = f", call {last.call}" if last.call else ""
    says = f"{code}, {len(notices)} in the last day: {alert_meaning(code).sentence} (last {when}{call})"
    return bad("alerts", says, fix(code), about)


async def numbers(consoles: Sequence[TwilioConsole], settings: Settings) -> list[Finding]:
    """Whether the numbers that we answer, and call from, lead to us; in whichever account they are."""
    findings: list[Finding] = []
    everywhere: set[str] = set()
    all_read = True
    for console, listing in [(each, Deferred.fromCoroutine(each.numbers())) for each in consoles]:
        try:
            found = await listing
        except CarrierError as error:
            findings.append(_not_asked("number", error, console.account.name))
            all_read = False
        else:
            findings += _numbers(console, settings, found)
            everywhere |= {each.number for each in found}
    return findings + (_nowhere(settings, everywhere) if all_read else [])


def _numbers(console: TwilioConsole, settings: Settings, found: Sequence[NumberState]) -> list[Finding]:
    account = console.account
    wanted = named(settings, account)
    if not found:
        return [bad("number", "the account has no number", "buy one that can do voice: console.twilio.com, Phone "
                    "Numbers", account.name)]  # fmt: skip
    if not wanted:
        return _any(console, settings, found)
    asked = [each for each in found if each.number in wanted]
    missing = [] if account.number in {None, *(each.number for each in found)} else [_missing(account, found)]
    return [*missing, *(number(console, settings.public_url, each) for each in asked)]


def _any(console: TwilioConsole, settings: Settings, found: Sequence[NumberState]) -> list[Finding]:
    """Where voiced.yaml names no number, one that leads here will do; the others may be for something else."""
    all_of_them = [number(console, settings.public_url, each) for each in found]
    here = [each for each in all_of_them if each.verdict is Verdict.PASS]
    return here or [bad("number", f"none of the account's numbers leads here ({known(found)})",
                        "`voiced connect` with the one that shall", console.account.name)]  # fmt: skip


def named(settings: Settings, account: Account) -> set[str]:
    """The numbers that voiced.yaml names as a whole; none: all of the account's may be meant."""
    return {*_whole(settings), *([account.number] if account.number else [])}


def _whole(settings: Settings) -> list[str]:
    return [number for number in settings.numbers if number.startswith("+") and number[1:].isdigit()]


def _nowhere(settings: Settings, everywhere: Collection[str]) -> list[Finding]:
    """Numbers of `numbers:` that no account has."""
    return [
        bad("number", "no account of these settings has this number", "correct it in `numbers:`, or add its account "
            "to `twilio:`", each)
        for each in _whole(settings)
        if each not in everywhere
    ]  # fmt: skip


def _missing(account: Account, found: Sequence[NumberState]) -> Finding:
    return bad("number", f"it is `number` of the account {account.name}, and not one of its numbers ({known(found)})",
               "correct `number`: calls are placed from it", account.number or "")  # fmt: skip


def number(console: TwilioConsole, public_url: str, found: NumberState) -> Finding:
    """Whether this one leads to us; it can be mended, unless a trunk has it."""
    wanted = ours(public_url, found)
    changes = astray(found, wanted)
    if why := unfit(found):
        return bad("number", why.says, why.fix, found.number)
    if not changes:
        return good("number", f"leads here{_patience(found, wanted)}", found.number)

    async def mend() -> Finding:
        now = await console.point(found, wanted)
        if astray(now, wanted):
            return bad("number", f"set, and Twilio says: {written(astray(now, wanted))}", "set it in the console",
                       found.number)  # fmt: skip
        return good("number", f"leads here now; before: {written(changes)}", found.number)

    fix_ = f"`voiced doctor --fix` or `voiced connect {found.number}` sets it"
    return bad("number", written(changes), fix_, found.number, mend)


def _patience(found: NumberState, wanted: NumberState) -> str:
    if (found.voice_url, found.fallback_url) == (wanted.voice_url, wanted.fallback_url):
        return ""
    return f" (without `{webhook.OVERRIDES}`, which lets Twilio try again while the daemon restarts)"


def _not_asked(check: str, error: CarrierError, about: str) -> Finding:
    if error.status == 0:
        return unasked(check, str(error), about)
    return bad(check, str(error), "give the account's SID and auth token of console.twilio.com, first page", about)
