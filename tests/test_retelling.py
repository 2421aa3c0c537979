"""A call's record, as it is said to the operator."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voiced.call.records import CallInfo, CallRecord, Direction, Ending, StepRecord
from voiced.call.retelling import LONGEST, retold

INFO = CallInfo("CA" + "0" * 32, "main", "+14155550100", "+14155550123")
BEGAN = 1_700_000_000.0


class RetoldTests(SynchronousTestCase):
    """What is said."""

    def test_all(self) -> None:
        """When, in which flow, how it ended, its last step, its last fault; no number."""
        record = CallRecord(INFO, "reception", BEGAN, BEGAN + 12.4, Ending.CALLER_HUNG_UP)
        record.steps = [StepRecord("greeting", 0, "say", BEGAN), StepRecord("choice", 1, "menu", BEGAN)]
        record.faults = ["the first", "the voice gave no audio within 1.5 s."]
        self.assertEqual(
            retold(record),
            "An inbound call in the flow reception began at 22:13, universal time. "
            "It ended after 12 seconds: caller hung up. Its last step was menu, in the node choice. "
            "What went wrong: the voice gave no audio within 1.5 s.",
        )

    def test_live(self) -> None:
        """A call that lives has not ended; one that never came to a flow has none."""
        info = CallInfo("", "main", "+14155550123", "+14155550100", Direction.OUTBOUND)
        self.assertEqual(
            retold(CallRecord(info, "", BEGAN)),
            "An outbound call began at 22:13, universal time. It is still live.",
        )

    def test_ended_in_no_way(self) -> None:
        """A record without an ending is not over yet."""
        self.assertIn("still live", retold(CallRecord(INFO, "reception", BEGAN, BEGAN)))

    def test_long(self) -> None:
        """Of a long fault the beginning is said."""
        record = CallRecord(INFO, "reception", BEGAN, faults=["x" * 1000])
        self.assertTrue(retold(record).endswith(f"went wrong: {'x' * LONGEST}."))
