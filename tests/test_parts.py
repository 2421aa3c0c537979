"""Who is in which part of the flows."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voiced.call.parts import Parts


class PartsTests(SynchronousTestCase):
    """voiced.call.parts."""

    def setUp(self) -> None:
        """Nobody is anywhere."""
        self.parts = Parts()

    def test_order(self) -> None:
        """Each has a number, in the order of coming, and moves up when somebody leaves."""
        self.assertEqual([self.parts.enter("desk", name) for name in ("a", "b", "c", "b")], [1, 2, 3, 2])
        self.parts.leave("desk", "a")
        self.assertEqual(self.parts.enter("desk", "c"), 2)

    def test_full(self) -> None:
        """No more than may be, but who is in stays in."""
        self.assertEqual([self.parts.enter("desk", name, 2) for name in ("a", "b", "c", "a")], [1, 2, None, 1])
        self.assertEqual(self.parts.enter("other", "c", 1), 1)

    def test_over(self) -> None:
        """A call that is over is nowhere; one that leaves where it is not, changes nothing."""
        for part in ("desk", "line"):
            self.parts.enter(part, "a")
        self.parts.enter("line", "b")
        self.parts.leave("desk", "b")
        self.parts.over("a")
        self.assertEqual((len(self.parts), self.parts.enter("line", "b")), (1, 1))
        self.parts.over("b")
        self.assertEqual(len(self.parts), 0)
