"""The caller's keys."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.keypad import MOST_KEYS, Keypad
from voiced.errors import FlowError


class KeypadTests(SynchronousTestCase):
    """Keys that come before, while and after somebody listens."""

    def setUp(self) -> None:
        """A keypad nobody has touched."""
        self.clock = Clock()
        self.keypad = Keypad(self.clock)

    def press(self, *keys: str) -> None:
        """Press these."""
        for key in keys:
            self.keypad.press(key)
            self.keypad.hand_over()

    def test_before(self) -> None:
        """Keys typed ahead come in their order."""
        self.press("1", "2")
        heard = [self.successResultOf(self.keypad.listen(1)) for _ in "12"]
        self.assertEqual((heard, len(self.keypad)), (["1", "2"], 0))

    def test_while(self) -> None:
        """A listener gets the next key, and the one after waits."""
        listening = self.keypad.listen(5)
        self.clock.advance(4)
        self.press("#", "0")
        self.assertEqual(self.successResultOf(listening), "#")
        self.assertEqual(len(self.keypad), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never(self) -> None:
        """After its time a listener gets None, and the next may listen."""
        listening = self.keypad.listen(5)
        self.clock.advance(5)
        self.assertIsNone(self.successResultOf(listening))
        self.assertNoResult(self.keypad.listen(5))

    def test_cancelled(self) -> None:
        """A listener who leaves takes no key along."""
        listening = self.keypad.listen(5)
        listening.addErrback(lambda _: None)
        listening.cancel()
        self.press("7")
        self.assertEqual(self.successResultOf(self.keypad.listen(5)), "7")

    def test_put_back(self) -> None:
        """Keys that are put back come before those that wait."""
        self.press("3")
        self.keypad.put_back("12")
        self.assertEqual(self.keypad.waiting, "123")
        self.assertEqual([self.successResultOf(self.keypad.listen(1)) for _ in "123"], ["1", "2", "3"])

    def test_clear(self) -> None:
        """Keys that are cleared are for nobody."""
        self.press("1", "2")
        self.keypad.clear()
        self.assertEqual((self.keypad.waiting, len(self.keypad)), ("", 0))

    def test_two(self) -> None:
        """One listener at a time."""
        self.keypad.listen(5)
        self.failureResultOf(self.keypad.listen(5), FlowError)

    def test_many(self) -> None:
        """No more keys are kept than a human types; the oldest go."""
        self.press(*"0123456789" * 10)
        self.assertEqual(len(self.keypad), MOST_KEYS)
