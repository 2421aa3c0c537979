"""Calling hours, by every clock that may hang on the wall there."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import Refused
from voiced.guard.destinations import destination
from voiced.guard.hours import Hours
from voiced.guard.patterns import Pattern
from voiced.guard.permission import permitted
from voiced.guard.rules import Outbound

NEW_YORK, LONDON, PERTH = "America/New_York", "Europe/London", "Australia/Perth"
HOUR = 3600.0
DAYTIME = Hours(dict.fromkeys(range(6), ((9 * 60, 20 * 60),)))
"""Monday to Saturday from nine to eight."""


def at(text: str, zone: str = "UTC") -> float:
    """Seconds since the epoch of a moment by the clock there."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


OPENS = [
    ("2026-03-02T09:00", NEW_YORK, 0.0),
    ("2026-03-02T08:59:59", NEW_YORK, 1.0),
    ("2026-03-02T19:59:59", NEW_YORK, 0.0),
    ("2026-03-02T20:00", NEW_YORK, 13 * HOUR),
    ("2026-03-07T20:00", NEW_YORK, 36 * HOUR),  # Saturday; the clocks are put forward on Sunday: an hour less
    ("2026-03-14T20:00", NEW_YORK, 37 * HOUR),  # a week later they are not
    ("2026-10-31T20:00", NEW_YORK, 38 * HOUR),  # put back: an hour more
    ("2026-03-02T12:00", LONDON, 0.0),
]
"""A moment by the clock there, and in how long DAYTIME is open."""

ZONES = [
    ("+14155552671", {"America/Los_Angeles"}),
    ("+12125551234", {NEW_YORK}),
    ("+18765551234", {"America/Jamaica"}),
    ("+12462345678", {"America/Barbados"}),
    ("+442079460958", {LONDON}),
    ("+4915112345678", {"Europe/Berlin"}),
    ("+18002345678", set()),
    ("+881612345678", set()),
]


class OpeningTests(SynchronousTestCase):
    """When it is open, in one place and in several."""

    def test_one_place(self) -> None:
        """By the local clock, whatever it was put to over night."""
        for moment, zone, wait in OPENS:
            self.assertEqual(DAYTIME.opens([zone], at(moment, zone)), wait, (moment, zone))

    def test_every_place(self) -> None:
        """Where it may be in two places, it is open in both or not at all."""
        both = [NEW_YORK, "America/Los_Angeles"]
        self.assertEqual(DAYTIME.opens(both, at("2026-03-02T10:00", NEW_YORK)), 2 * HOUR)
        self.assertEqual(DAYTIME.opens(both, at("2026-03-02T12:00", NEW_YORK)), 0.0)
        self.assertEqual(DAYTIME.opens(both, at("2026-03-02T20:00", NEW_YORK)), 16 * HOUR)

    def test_never(self) -> None:
        """Where nights overlap all around the clock it never is."""
        self.assertIsNone(DAYTIME.opens([LONDON, "Pacific/Auckland"], at("2026-03-02T12:00")))
        self.assertIsNone(Hours({}).opens([LONDON], at("2026-03-02T12:00")))

    def test_unknown_clock(self) -> None:
        """A zone that this machine has not is no leave to call."""
        for zones in ([], ["Atlantis/Capital"], [LONDON, "../etc/passwd"]):
            self.assertIsNone(DAYTIME.opens(zones, at("2026-03-02T12:00")), zones)

    def test_the_hour_that_comes_twice(self) -> None:
        """Hours in the hour that the clocks show twice are open twice, with a closed half hour between."""
        hours = Hours({6: ((60, 90),)})  # Sunday from 1:00 to 1:30; at 2:00 it is 1:00 again
        first = at("2026-11-01T01:00", NEW_YORK)
        waits = [hours.opens([NEW_YORK], first + minutes * 60) for minutes in (-1, 0, 29, 30, 59, 60, 89)]
        self.assertEqual(waits, [60.0, 0.0, 0.0, 1800.0, 60.0, 0.0, 0.0])
        self.assertEqual(hours.opens([NEW_YORK], first + 90 * 60), 7 * 24 * HOUR + HOUR - 90 * 60)

    def test_the_hour_that_never_comes(self) -> None:
        """Hours that begin while the clocks are put forward are found, at the latest when they would have begun."""
        hours = Hours({6: ((150, 300),)})  # Sunday from 2:30 to 5:00; 2:00 is 3:00
        two = at("2026-03-08T01:59", NEW_YORK) + 60
        self.assertEqual(hours.opens([NEW_YORK], two), 0.0)
        wait = hours.opens([NEW_YORK], two - 60)
        self.assertEqual(hours.opens([NEW_YORK], two - 60 + (wait or 0.0)), 0.0)

    def test_two_spans(self) -> None:
        """A lunch break."""
        hours = Hours({0: ((540, 720), (780, 1080))})
        self.assertEqual(hours.opens([LONDON], at("2026-03-02T12:15", LONDON)), 45 * 60.0)

    @given(
        moment=st.integers(at("2025-01-01T00:00").__int__(), at("2028-01-01T00:00").__int__()),
        zones=st.lists(st.sampled_from([NEW_YORK, LONDON, PERTH, "Asia/Kolkata", "America/St_Johns"]), min_size=1),
        week=st.dictionaries(
            st.integers(0, 6),
            st.tuples(st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda span: span[0] < span[1])),
        ),
    )
    def test_the_wait_is_enough(
        self, moment: int, zones: list[str], week: dict[int, tuple[tuple[int, int], ...]]
    ) -> None:
        """Whoever comes back after the wait finds it open, and the moment before it was closed."""
        hours = Hours(week)
        wait = hours.opens(zones, moment)
        if wait:
            self.assertEqual(hours.opens(zones, moment + wait), 0.0)
        if wait is not None:
            local = [datetime.fromtimestamp(moment + wait, ZoneInfo(zone)) for zone in zones]
            self.assertTrue(all(clock.weekday() in week for clock in local))


class PlaceTests(SynchronousTestCase):
    """Where a destination may be."""

    def test_zones(self) -> None:
        """A number of a place has that place's clock."""
        for to, zones in ZONES:
            self.assertEqual(set(DAYTIME.zones(destination(to)) or ()) - {"Europe/Guernsey"}, zones, to)

    def test_mobiles(self) -> None:
        """A mobile number may be anywhere in its country."""
        zones = set(DAYTIME.zones(destination("+61412345678")) or ())
        self.assertLess({PERTH, "Australia/Sydney"}, zones)

    def test_no_place(self) -> None:
        """For what is of no place the operator says whose clock counts; SIP addresses may do without."""
        hours = Hours(DAYTIME.week, LONDON)
        for to in ("+18002345678", "+881612345678", "sip:ann@pbx.example"):
            self.assertEqual(hours.zones(destination(to)), (LONDON,), to)
        self.assertIsNone(DAYTIME.zones(destination("sip:ann@pbx.example")))

    def test_every_zone_of_the_library_is_here(self) -> None:
        """The library names no zone that the time zone database has not."""
        names = {zone for zones in TIMEZONE_DATA.values() for zone in zones}
        self.assertGreater(len(names), 200)
        noon = at("2026-03-02T12:00")
        self.assertEqual([zone for zone in names if Hours({}).opens([zone], noon) is not None], [])
        self.assertEqual([zone for zone in names if ZoneInfo(zone).utcoffset(datetime.now(UTC)) is None], [])


class RuleTests(SynchronousTestCase):
    """The rule `hours`."""

    rules = Outbound(allow=(Pattern.parse("+1"), Pattern.parse("sip:*@pbx.example")), hours=DAYTIME)

    def refusal(self, to: str, rules: Outbound, moment: str, *, named: bool = False) -> Refused | None:
        """What stands against a call there and then."""
        try:
            permitted(destination(to), rules, at(moment, NEW_YORK), named=named)
        except Refused as refused:
            return refused
        return None

    def test_open(self) -> None:
        """Within the hours one may call."""
        self.assertIsNone(self.refusal("+12125551234", self.rules, "2026-03-02T09:00"))

    def test_closed(self) -> None:
        """Out of hours one is told when; a target that the operator has named is called at any time."""
        refused = self.refusal("+12125551234", self.rules, "2026-03-02T08:00")
        self.assertEqual((refused and refused.rule, refused and refused.retry_after), ("hours", HOUR))
        self.assertIsNone(self.refusal("+12125551234", self.rules, "2026-03-02T08:00", named=True))

    def test_toll_free(self) -> None:
        """A number of no place is not called, and waiting does not help, until `zone` says by whose clock."""
        refused = self.refusal("+18002345678", self.rules, "2026-03-02T12:00")
        self.assertEqual((refused and refused.rule, refused and refused.retry_after), ("hours", None))
        self.assertIn("`zone`", str(refused))
        zoned = Outbound(allow=self.rules.allow, hours=Hours(DAYTIME.week, NEW_YORK))
        self.assertIsNone(self.refusal("+18002345678", zoned, "2026-03-02T12:00"))

    def test_sip(self) -> None:
        """An operator's own SIP address has no night, unless `zone` gives it one."""
        self.assertIsNone(self.refusal("sip:ann@pbx.example", self.rules, "2026-03-02T03:00"))

    def test_never(self) -> None:
        """Hours that are nowhere at once say so."""
        rules = Outbound(allow=self.rules.allow, hours=Hours({}))
        refused = self.refusal("+12125551234", rules, "2026-03-02T12:00")
        self.assertEqual((refused and refused.rule, refused and refused.retry_after), ("hours", None))
