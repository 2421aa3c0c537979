"""Days and hours as people write them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voiced.call.week import NoDay, days, spans


class WeekTests(SynchronousTestCase):
    """What is read, and what is refused."""

    def test_days(self) -> None:
        """One, several, from one to another (also over Sunday), and all of them."""
        for written, found in [
            ("mon", [0]),
            ("Mon, wed", [0, 2]),
            ("sat-mon", [5, 6, 0]),
            ("daily", [0, 1, 2, 3, 4, 5, 6]),
        ]:
            self.assertEqual(days(written), found, written)
        self.assertEqual(self.assertRaises(NoDay, days, "mon-fr").day, "fr")

    def test_spans(self) -> None:
        """Minutes after midnight; over midnight only where that is allowed."""
        self.assertEqual(spans("9:00-12:30, 13:00-24:00"), ((540, 750), (780, 1440)))
        self.assertEqual(spans("22:00-6:00", over_midnight=True), ((1320, 1800),))
        self.assertEqual(spans("22:00-0:00", over_midnight=True), ((1320, 1440),))

    def test_no_spans(self) -> None:
        """What is no time, or begins where it ends."""
        for written in ("9-17", "9:60-17:00", "9:00-17:60", "9:00-24:01", "24:00-24:00", "", "9:00-17:00,"):
            self.assertIn("9:00-20:00", str(self.assertRaises(ValueError, spans, written)))
        self.assertIn("two days", str(self.assertRaises(ValueError, spans, "22:00-6:00")))
        error = self.assertRaises(ValueError, spans, "9:00-9:00", over_midnight=True)
        self.assertIn("0:00-24:00", str(error))
