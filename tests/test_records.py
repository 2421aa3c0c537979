"""CallInfo is what a flow may read of a call; CallRecord is what is kept."""

import attrs
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.records import CallInfo, CallRecord, Direction, Ending, StepRecord

INFO = CallInfo("CA1", "main", "+14155550101", "+14155550123", attestation="TN-Validation-Passed-A")

ENDINGS = """completed caller_hung_up agent_ended transferred refused busy no_answer failed machine timeout silence
    stream_lost drained cancelled overloaded protocol_error bug"""


class RecordsTests(SynchronousTestCase):
    def test_endings(self):
        """The list of endings is published: a word may be added, never changed."""
        self.assertEqual([ending.value for ending in Ending], ENDINGS.split())

    def test_party(self):
        """The human is the caller of an inbound call, and the called of an outbound one."""
        outbound = attrs.evolve(INFO, direction=Direction.OUTBOUND)
        self.assertEqual((INFO.party, outbound.party), ("+14155550101", "+14155550123"))
        self.assertEqual((INFO.ours, outbound.ours), ("+14155550123", "+14155550101"))

    def test_facts(self):
        """Every fact of a call is a text under `call.`."""
        self.assertEqual(
            INFO.facts(),
            {
                "call.sid": "CA1",
                "call.account": "main",
                "call.caller": "+14155550101",
                "call.called": "+14155550123",
                "call.party": "+14155550101",
                "call.direction": "inbound",
                "call.attestation": "TN-Validation-Passed-A",
            },
        )

    def test_records_share_nothing(self):
        """Two calls' records have lists of their own."""
        one, other = CallRecord(INFO, "reception", 1.0), CallRecord(INFO, "reception", 1.0)
        one.steps.append(StepRecord("greeting", 1, "say", 1.0))
        one.faults.append("late")
        self.assertEqual((other.steps, other.faults, other.ending), ([], [], None))
