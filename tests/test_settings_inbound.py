"""The `inbound:` of voiced.yaml: what becomes of a good one, and what is said of each bad one."""

from __future__ import annotations

from tests.test_settings_daemon import DaemonCase, edited
from voiced.guard.patterns import Pattern
from voiced.guard.rules import Cap, Denied, Inbound, Outcome, Unattested

WHOLE = """\
inbound:
  max_seconds: 3600
  deny: {numbers: ["+1900*", JM], say: "No."}
  anonymous: {flow: hello}
  unattested: {least: B, say: "Who are you?"}
  calls_at_once: {most: 2, say: "You are here already."}
  calls_per_day: 20
  agent_minutes_per_day: {most: 60, say: Enough.}
"""
NOBODY = "names nobody: write a region (US), a prefix (+44*), a number (+14155550123) or sip:…@…"
ONE_OF_THEM = "has both `say` and `flow`: a caller gets one of them"

BROKEN: list[tuple[str, list[str]]] = [
    ("x", ["8:10: inbound: expects settings (`name: value`) below it, not 'x'"]),
    ("{denny: {}}", ["8:11: inbound: there is no setting 'denny' here; did you mean 'deny'?"]),
    ("{max_seconds: 0}", ["8:24: inbound.max_seconds: must be at least 1, not '0'"]),
    ("{deny: {say: No.}}", ["8:11: inbound.deny: `numbers` is missing: whom it denies"]),
    ("{deny: x}", ["8:17: inbound.deny: expects settings (`name: value`) below it, not 'x'"]),
    (
        "{deny: {numbers: [x]}}",
        [f"8:28: inbound.deny.numbers.1: 'x' {NOBODY}"],
    ),
    (
        "{deny: {numbers: [US], flow: helo}}",
        ["8:39: inbound.deny.flow: no flow is called 'helo'; did you mean 'hello'?"],
    ),
    ("{anonymous: {say: x, flow: hello}}", [f"8:11: inbound.anonymous: {ONE_OF_THEM}"]),
    ("{anonymous: {say: ''}}", ["8:28: inbound.anonymous.say: must not be empty"]),
    ("{anonymous: no}", ["8:22: inbound.anonymous: expects settings (`name: value`) below it, not 'no'"]),
    ("{anonymous: {flow: helo}}", ["8:29: inbound.anonymous.flow: no flow is called 'helo'; did you mean 'hello'?"]),
    ("{unattested: {least: D}}", ["8:31: inbound.unattested.least: 'D' is not a choice; there are: A, B, C"]),
    ("{calls_at_once: {say: x}}", ["8:11: inbound.calls_at_once: the setting 'most' is missing"]),
    ("{calls_at_once: 0}", ["8:26: inbound.calls_at_once: must be at least 1, not '0'"]),
    ("{calls_per_day: {most: 1, say: x, flow: hello}}", [f"8:11: inbound.calls_per_day: {ONE_OF_THEM}"]),
    (
        "{agent_minutes_per_day: {most: x}}",
        ["8:41: inbound.agent_minutes_per_day.most: expects a whole number, not 'x'"],
    ),
    (
        "{agent_minutes_per_day: {most: 1, flow: hello}}",
        ["8:44: inbound.agent_minutes_per_day: there is no setting 'flow' here; there are: most, say"],
    ),
    (
        "{anonymous: '${NOPE}'}",
        ["8:22: the environment variable NOPE is not set, or empty: set it before voiced starts"],
    ),
]


class InboundTests(DaemonCase):
    """Who may call."""

    maxDiff = None

    def test_default(self) -> None:
        """Without the block everybody may call, within the caps of the rules."""
        self.assertEqual(self.settings({}).inbound, Inbound())
        self.assertEqual(self.settings({"+": "inbound: {max_seconds: 14400, anonymous: }"}).inbound, Inbound())

    def test_whole(self) -> None:
        """Everything is where it belongs; each rule has its outcome."""
        expected = Inbound(
            max_seconds=3600,
            deny=Denied((Pattern.parse("+1900"), Pattern.parse("JM")), Outcome("No.")),
            anonymous=Outcome(flow="hello"),
            unattested=Unattested("B", Outcome("Who are you?")),
            calls_at_once=Cap(2, Outcome("You are here already.")),
            calls_per_day=Cap(20),
            agent_minutes_per_day=Cap(60, Outcome("Enough.")),
        )
        self.assertEqual(self.settings({"+": WHOLE}).inbound, expected)

    def test_refused_without_a_sentence(self) -> None:
        """A rule without an outcome refuses with the daemon's own sentence."""
        found = self.settings({"+": "inbound: {anonymous: {}, unattested: {}}"}).inbound
        self.assertEqual((found.anonymous, found.unattested), (Outcome(), Unattested()))

    def test_broken(self) -> None:
        """Whatever is wrong is said in its place, with what to do."""
        for block, faults in BROKEN:
            self.assertEqual(self.faults(edited({"+": f"inbound: {block}"})), faults, block)
