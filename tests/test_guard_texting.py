"""Who may be sent a text message: every rule, in and out, and what is kept of it."""

from __future__ import annotations

from typing import Any

from tests.test_guard_guard import ANN, BOB, DAY_LEFT, JAMAICA, GuardCase, info, order
from voiced.call.records import CallInfo, Direction
from voiced.guard.guard import Attempt, Guard
from voiced.guard.patterns import Pattern
from voiced.guard.rules import Inbound, Outbound
from voiced.iguard import Party

NEVER = [
    ("+19002345678", "risky"),
    ("+870773111632", "risky"),
    ("+881612345678", "risky"),
    ("+447012345678", "risky"),
    ("+88213123456", "risky"),
    ("+266696687", "number"),
    ("+1911", "number"),
    ("+15555555555", "number"),
    ("sip:ann@example.com", "number"),
    ("sip:+14155552671@example.com", "number"),
    ("anonymous", "number"),
    ("", "number"),
]
"""A caller -> the rule that says no, whoever is called and whatever `allow` and `risky` name."""
PAUL = "+33612345678"
EVERYBODY = tuple(Pattern.parse(f"+{digit}*") for digit in range(1, 10))


def called(to: str, **more: Any) -> CallInfo:
    """A call of ours to somebody."""
    return CallInfo("CA1", "main", "+14155550100", to, Direction.OUTBOUND, **more)


class TextTests(GuardCase):
    """Texts."""

    def test_in_allow(self) -> None:
        """Whom we may call we may text, on calls in and out."""
        guard = self.guard()
        guard.text(info(ANN), ANN)
        guard.text(called(BOB), BOB)
        self.assertEqual((self.told, len(guard)), ([], 0))

    def test_callers_of_elsewhere(self) -> None:
        """Who calls us is texted wherever an ordinary number is; whom we call, and anybody else, is not."""
        for guard in (self.guard(outbound=Outbound()), self.guard()):
            guard.text(info(PAUL), PAUL)
            self.assert_refused("allow", None, guard.text, called(PAUL), PAUL)
            self.assert_refused("allow", None, guard.text, info(ANN), JAMAICA)
        attempt = Attempt("text", Direction.OUTBOUND, "main", JAMAICA, call="CA1")
        self.assertEqual(self.told[-1][1], attempt)

    def test_opted_out(self) -> None:
        """Who has opted out is not texted any more, nor when the rules are others."""
        guard = self.guard()
        guard.opt_out(info(ANN), "word")
        self.assert_refused("dnc", None, guard.text, info(ANN), ANN)
        guard.follow(Outbound(allow=EVERYBODY), Inbound())
        self.assert_refused("dnc", None, guard.text, info(ANN), ANN)
        self.assert_refused("dnc", None, guard.place, order(ANN), Party("crm"))

    def test_never(self) -> None:
        """Premium, satellite and the like, and what is no number: never, even where all is allowed by name."""
        open_to_all = Outbound(allow=EVERYBODY, risky=(Pattern.parse("+1900*"), Pattern.parse("+870*")))
        for rules in (Outbound(), open_to_all):
            guard = self.guard(outbound=rules)
            for to, rule in NEVER:
                self.assert_refused(rule, None, guard.text, info(to), to)
                self.assert_refused(rule, None, guard.text, called(to), to)
        self.assertEqual(self.kept.counts, {})

    def test_networks_of_no_country(self) -> None:
        """A caller of a network that belongs to no country is not texted for having called."""
        self.assert_refused("allow", None, self.guard().text, info("+80012345678"), "+80012345678")

    def test_do_not_call(self) -> None:
        """Who wants no calls wants no texts, also when they call."""
        guard = self.guard(dnc=frozenset({ANN, PAUL}))
        for to in (ANN, PAUL):
            self.assert_refused("dnc", None, guard.text, info(to), to)

    def test_per_destination(self) -> None:
        """Nobody is texted all day, whichever call it is; others still are."""
        guard = self.guard()
        for number in range(5):
            guard.text(info(ANN, sid=f"CA{number}"), ANN)
        self.assert_refused("texts_per_destination_per_day", DAY_LEFT, guard.text, info(ANN), ANN)
        guard.text(info(BOB), BOB)

    def test_per_day(self) -> None:
        """Nor is everybody together; each account has its own cap, and the next day is another one."""
        guard = self.guard(texts_per_day=2)
        guard.text(info(ANN), ANN)
        guard.text(info(BOB), BOB)
        self.assert_refused("texts_per_day", DAY_LEFT, guard.text, info(PAUL), PAUL)
        guard.text(info(PAUL, account="other"), PAUL)
        self.clock.advance(DAY_LEFT)
        guard.text(info(PAUL), PAUL)

    def test_restart(self) -> None:
        """What was counted still counts after a restart, and names nobody on the disk."""
        for _ in range(2):
            self.guard(texts_per_destination_per_day=2).text(info(ANN), ANN)
        guard: Guard = self.guard(texts_per_destination_per_day=2)
        self.assert_refused("texts_per_destination_per_day", DAY_LEFT, guard.text, info(ANN), ANN)
        self.assertNotIn("4155552671", str(self.kept.counts))

    def test_apart_from_calls(self) -> None:
        """Texts use up no calls, nor the other way round."""
        guard = self.guard(texts_per_day=1, calls_per_day=1)
        guard.text(info(ANN), ANN)
        self.assertEqual(len(self.kept.counts), 2)
        self.assertEqual(
            {name.split()[0] for name in self.kept.counts},
            {
                "texts_per_day",
                "texts_per_destination_per_day",
            },
        )
