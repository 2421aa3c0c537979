"""Opening hours, by the clock on one wall."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.opening import Opening
from voiced.call.week import DAYS, Week, spans

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {**dict.fromkeys(range(5), ((540, 1020),)), 5: ((600, 720), (840, 960))}
"""Monday to Friday from 9 to 17, on Saturdays from 10 to 12 and from 14 to 16."""


def at(moment: str, zone: ZoneInfo = BERLIN) -> float:
    """A local moment, in seconds since the epoch."""
    return datetime.fromisoformat(moment).replace(tzinfo=zone).timestamp()


class OpeningTests(SynchronousTestCase):
    """Whether it is open, and when it opens next."""

    def test_week(self) -> None:
        """The end of an hour is not in it; a day with two spans has a pause."""
        opening = Opening(BERLIN, OFFICE)
        for moment, is_open, opens in [
            ("2026-11-23T08:59:59", False, "2026-11-23T09:00+01:00"),
            ("2026-11-23T09:00", True, "2026-11-24T09:00+01:00"),
            ("2026-11-23T17:00", False, "2026-11-24T09:00+01:00"),
            ("2026-11-28T13:00", False, "2026-11-28T14:00+01:00"),
            ("2026-11-28T16:00", False, "2026-11-30T09:00+01:00"),
            ("2026-11-29T12:00", False, "2026-11-30T09:00+01:00"),
        ]:
            self.assertEqual((opening.is_open(at(moment)), opening.next(at(moment))), (is_open, opens), moment)

    def test_over_midnight(self) -> None:
        """An evening belongs to the day on which it began, also into a holiday, and none begins on one."""
        opening = Opening(BERLIN, {4: spans("20:00-2:00", over_midnight=True)}, {"2026-11-28": "Feast"})
        for moment, is_open in [("2026-11-27T19:59", False), ("2026-11-27T23:59", True), ("2026-11-28T01:59", True)]:
            self.assertIs(opening.is_open(at(moment)), is_open)
        self.assertFalse(opening.is_open(at("2026-11-28T02:00")))
        feast = Opening(BERLIN, {4: spans("20:00-2:00", over_midnight=True)}, {"2026-11-27": "Feast"})
        self.assertFalse(feast.is_open(at("2026-11-28T01:00")))

    def test_whole_days(self) -> None:
        """24:00 is the end of the day; what is open all week never closes."""
        opening = Opening(BERLIN, dict.fromkeys(range(7), ((0, 1440),)))
        self.assertTrue(all(opening.is_open(at("2026-11-23T00:00") + hour * 3600) for hour in range(200)))

    def test_holidays(self) -> None:
        """A holiday is closed, and the next opening is after it; two weeks of them are too far."""
        opening = Opening(BERLIN, OFFICE, {"2026-12-25": "Christmas", "2026-12-26": "Boxing Day"})
        self.assertEqual(opening.next(at("2026-12-24T17:30")), "2026-12-28T09:00+01:00")
        self.assertEqual(opening.today(at("2026-12-25T00:00")), "2026-12-25")
        closed = Opening(BERLIN, OFFICE, {f"2026-12-{day:02}": "" for day in range(1, 32)})
        self.assertEqual(closed.next(at("2026-12-02T12:00")), "")
        self.assertEqual(Opening(BERLIN, {}).next(0.0), "")

    def test_clocks_forward(self) -> None:
        """2:30 does not exist on that Sunday: half past two is half past three."""
        opening = Opening(BERLIN, {6: ((150, 300),)})
        self.assertEqual(opening.next(at("2026-03-29T01:00")), "2026-03-29T03:30+02:00")
        self.assertFalse(opening.is_open(at("2026-03-29T03:15")))
        self.assertTrue(opening.is_open(at("2026-03-29T04:59")))
        self.assertFalse(opening.is_open(at("2026-03-29T05:00")))

    def test_clocks_back(self) -> None:
        """An hour that comes twice is open both times, and a day of 25 hours is a day."""
        opening = Opening(BERLIN, {6: ((120, 180),)})
        first = at("2026-10-25T02:00")
        self.assertEqual([opening.is_open(first + minutes * 60) for minutes in (-1, 0, 59, 60, 119, 120)], [
            False, True, True, True, True, False,
        ])  # fmt: skip
        self.assertEqual(Opening(BERLIN, OFFICE).next(at("2026-10-24T20:00")), "2026-10-26T09:00+01:00")

    @settings(deadline=None)
    @given(
        st.dictionaries(
            st.integers(0, len(DAYS) - 1), st.tuples(st.sampled_from([(0, 1440), (540, 1020), (1320, 1560)]))
        ),
        st.floats(1_700_000_000, 1_900_000_000),
        st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"]),
    )
    def test_next_is_an_opening(self, week: Week, now: float, zone: str) -> None:
        """At the moment that is said it is open; nothing is said only where it never is."""
        opening = Opening(ZoneInfo(zone), week)
        said = opening.next(now)
        self.assertEqual(bool(said), bool(week))
        if said:
            moment = datetime.fromisoformat(said).timestamp()
            self.assertGreater(moment, now)
            self.assertTrue(opening.is_open(moment))
