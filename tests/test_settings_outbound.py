"""The `outbound:` of voiced.yaml: what becomes of a good one, and what is said of each bad one."""

from __future__ import annotations

from tests.test_settings_daemon import DaemonCase, edited
from voiced.guard.hours import Hours
from voiced.guard.patterns import Pattern
from voiced.guard.prices import Prices
from voiced.guard.rules import Outbound

WHOLE = """\
outbound:
  flow: hello
  allow: [US, CA, "+44", "+49 30 *", "+1 876 555 1234", "sip:*@PBX.example"]
  risky: ["+1900*", "+870", "+44 7012 345678", "sip:ann@pbx.example"]
  dnc: dnc.txt
  hours:
    mon-thu, fri: "9:00-12:30, 13:30-20:00"
    sat: "10:00 - 24:00"
    zone: America/New_York
  calls_per_minute: 10
  calls_per_day: 100
  calls_at_once: 5
  per_destination_per_day: 1
  transfers_at_once: 20
  transfers_per_minute: 30
  transfers_per_destination_per_day: 50
  texts_per_day: 60
  texts_per_destination_per_day: 2
  timeout: 30
  max_seconds: 600
  spend_per_day: 20
  prices: {US: 0.014, "+44*": 0.02, default: 0.3}
"""
DNC = """\
\ufeff# Who has asked us not to call again.
+1 (415) 555-2671   # Ann

+44 20 7946 0958
sips:Ann@PBX.example
sip:1-415-555-2672@pbx.example;transport=tls
"""
NOBODY = "names nobody: write a region (US), a prefix (+44*), a number (+14155550123) or sip:…@…"
TOO_MUCH = 'names too much at once: name each number, or each prefix like "+1900*"'
FORM = "is not of the form 9:00-20:00"
DAYS = "there are: fri, mon, sat, sun, thu, tue, wed"

BROKEN: list[tuple[str, list[str]]] = [
    ("x", ["8:11: outbound: expects settings (`name: value`) below it, not 'x'"]),
    ("{flow: helo}", ["8:18: outbound.flow: no flow is called 'helo'; did you mean 'hello'?"]),
    (
        "{alow: [US]}",
        ["8:12: outbound: there is no setting 'alow' here; did you mean 'allow'?"],
    ),
    ("{allow: US}", ["8:19: outbound.allow: expects a list, each entry on a line that begins with `- `, not 'US'"]),
    (
        "{allow: [UK]}",
        ["8:20: outbound.allow.1: 'UK' is no region: two capital letters, like US, GB or DE (ISO 3166)"],
    ),
    ("{allow: [US, 4155552671]}", [f"8:24: outbound.allow.2: '4155552671' {NOBODY}"]),
    ("{allow: ['+1415555267']}", [f"8:20: outbound.allow.1: '+1415555267' {NOBODY}"]),
    ("{allow: [[US]]}", ["8:20: outbound.allow.1: expects text, and `{` or `[` is syntax: put the text in quotes"]),
    ("{risky: ['+1*']}", [f"8:20: outbound.risky.1: '+1*' {TOO_MUCH}"]),
    ("{risky: [US]}", [f"8:20: outbound.risky.1: 'US' {TOO_MUCH}"]),
    ("{risky: ['sip:*@x.example']}", [f"8:20: outbound.risky.1: 'sip:*@x.example' {TOO_MUCH}"]),
    ("{calls_per_minute: 0}", ["8:30: outbound.calls_per_minute: must be at least 1, not '0'"]),
    ("{timeout: 4}", ["8:21: outbound.timeout: must be at least 5, not '4'"]),
    ("{timeout: 601}", ["8:21: outbound.timeout: must be at most 600, not '601'"]),
    ("{max_seconds: long}", ["8:25: outbound.max_seconds: expects a whole number, not 'long'"]),
    (
        "{spend_per_day: 20}",
        ["8:12: outbound.spend_per_day: needs `prices`: what a minute costs, by region or prefix"],
    ),
    ("{spend_per_day: 0, prices: {US: 1}}", ["8:27: outbound.spend_per_day: must be more than 0, not '0'"]),
    ("{prices: {US: cheap}}", ["8:25: outbound.prices.US: expects a number, not 'cheap'"]),
    ("{prices: {US: -1}}", ["8:25: outbound.prices.US: must be at least 0, not '-1'"]),
    ("{prices: {default: x}}", ["8:30: outbound.prices.default: expects a number, not 'x'"]),
    ("{prices: {U: 1}}", [f"8:21: outbound.prices.U: 'U' {NOBODY}"]),
    (
        "{prices: {'+44': 1, '+44*': 2}}",
        ["8:31: outbound.prices.+44*: '+44*' is here twice, written otherwise"],
    ),
    ("{hours: 9-17}", ["8:19: outbound.hours: expects settings (`name: value`) below it, not '9-17'"]),
    (
        "{hours: {}}",
        ['8:12: outbound.hours: has no day: write `mon-fri: "9:00-20:00"`, or take it out to call at any time'],
    ),
    ("{hours: {mo: '9:00-20:00'}}", ["8:20: outbound.hours.mo: 'mo' is no day; did you mean 'mon'?"]),
    (
        "{hours: {mon-xyz: '9:00-20:00', tue: '9:00-20:00'}}",
        [f"8:20: outbound.hours.mon-xyz: 'mon-xyz' is no day; {DAYS}"],
    ),
    (
        "{hours: {mon-fri: '9:00-20:00', fri: '9:00-12:00'}}",
        ["8:43: outbound.hours.fri: fri is here twice: write all its hours into one line"],
    ),
    ("{hours: {mon: 9-17}}", [f"8:25: outbound.hours.mon: '9-17' {FORM}"]),
    ("{hours: {mon: '9:60-17:00'}}", [f"8:25: outbound.hours.mon: '9:60-17:00' {FORM}"]),
    ("{hours: {mon: '9:00-17:60'}}", [f"8:25: outbound.hours.mon: '9:00-17:60' {FORM}"]),
    ("{hours: {mon: '9:00-24:01'}}", [f"8:25: outbound.hours.mon: '9:00-24:01' {FORM}"]),
    (
        "{hours: {mon: '22:00-6:00'}}",
        ["8:25: outbound.hours.mon: '22:00-6:00' ends before it begins: hours over midnight belong to two days"],
    ),
    (
        "{hours: {mon: [x]}}",
        ["8:25: outbound.hours.mon: expects text, and `{` or `[` is syntax: put the text in quotes"],
    ),
    (
        "{hours: {mon: '9:00-17:00', zone: Paris}}",
        ["8:45: outbound.hours.zone: 'Paris' is no time zone like Europe/London or America/New_York"],
    ),
    (
        "{hours: {mon: '9:00-17:00', zone: ../etc/passwd}}",
        ["8:45: outbound.hours.zone: '../etc/passwd' is no time zone like Europe/London or America/New_York"],
    ),
    (
        "{hours: {mon: '9:00-17:00', zone: [x]}}",
        ["8:45: outbound.hours.zone: expects text, and `{` or `[` is syntax: put the text in quotes"],
    ),
]


class OutboundTests(DaemonCase):
    """Who may be called."""

    maxDiff = None

    def test_default(self) -> None:
        """Without the block nobody may be called, and the caps are those of the rules."""
        self.assertEqual(self.settings({}).outbound, Outbound())
        self.assertEqual(self.settings({"+": "outbound: {}"}).outbound, Outbound())

    def test_whole(self) -> None:
        """Everything is where it belongs, and written as people write it."""
        (self.directory / "dnc.txt").write_text(DNC, "utf-8")
        weekday, saturday = ((540, 750), (810, 1200)), ((600, 1440),)
        allowed = ("US", "CA", "+44*", "+4930*", "+18765551234", "sip:*@pbx.example")
        risky = ("+1900*", "+870*", "+447012345678", "sip:ann@pbx.example")
        expected = Outbound(
            flow="hello",
            allow=tuple(map(Pattern.parse, allowed)),
            risky=tuple(map(Pattern.parse, risky)),
            dnc=frozenset({"+14155552671", "+14155552672", "+442079460958", "sip:ann@pbx.example"}),
            hours=Hours({**dict.fromkeys(range(5), weekday), 5: saturday}, "America/New_York"),
            calls_per_minute=10,
            calls_per_day=100,
            calls_at_once=5,
            per_destination_per_day=1,
            transfers_at_once=20,
            transfers_per_minute=30,
            transfers_per_destination_per_day=50,
            texts_per_day=60,
            texts_per_destination_per_day=2,
            timeout=30,
            max_seconds=600,
            spend_per_day=20.0,
            prices=Prices({Pattern.parse("US"): 0.014, Pattern.parse("+44"): 0.02}, 0.3),
        )
        self.assertEqual(self.settings({"+": WHOLE}).outbound, expected)

    def test_days(self) -> None:
        """All days at once, and days over the end of the week."""
        for written, days in [("daily", set(range(7))), ("sat-mon", {5, 6, 0}), ("Mon, wed", {0, 2})]:
            found = self.settings({"+": f"outbound: {{hours: {{'{written}': '9:00-20:00'}}}}"}).outbound.hours
            self.assertEqual(set(found.week if found else ()), days, written)

    def test_broken(self) -> None:
        """Whatever is wrong is said in its place, with what to do."""
        for block, faults in BROKEN:
            self.assertEqual(self.faults(edited({"+": f"outbound: {block}"})), faults, block)

    def test_do_not_call_list(self) -> None:
        """What is wrong in the list is said with its own file and line; nothing of it is left out silently."""
        (self.directory / "dnc.txt").write_text("+14155552671\n  4155552671 # no country\n+1911\nsip:ann\n")
        sentence = "is no telephone number: one begins with + and its country"
        self.assertEqual(
            self.faults(edited({"+": "outbound: {dnc: dnc.txt}"})),
            [
                f"dnc.txt:2:3: '4155552671' {sentence}",
                f"dnc.txt:3:1: '+1911' {sentence}",
                f"dnc.txt:4:1: 'sip:ann' {sentence}",
            ],
        )

    def test_do_not_call_list_that_cannot_be_read(self) -> None:
        """A list that is not there is no empty list."""
        (self.directory / "latin").write_bytes(b"\xff")
        for name, why in [
            ("gone", "cannot be read: No such file or directory"),
            ("flows", "cannot be read: Is a directory"),
        ]:
            faults = self.faults(edited({"+": f"outbound: {{dnc: {name}}}"}))
            self.assertEqual(faults, [f"8:17: outbound.dnc: {self.directory / name} {why}"])
        faults = self.faults(edited({"+": "outbound: {dnc: latin}"}))
        self.assertEqual(faults, [f"8:17: outbound.dnc: '{self.directory / 'latin'}' is not a file of UTF-8 text"])
        self.assertEqual(len(self.faults(edited({"+": "outbound: {dnc: [x]}"}))), 1)
