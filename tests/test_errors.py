"""Errors carry values for programs and one sentence for people."""

from twisted.trial.unittest import SynchronousTestCase

from voiced import errors
from voiced.errors import (
    CallOver,
    CarrierError,
    ConfigError,
    Fault,
    RemoteProtocolError,
    SynthesisError,
    UnknownTicket,
    VoicedError,
)


class ErrorTests(SynchronousTestCase):
    def test_one_family(self):
        """Every error is a VoicedError, and its docstring is what an operator reads."""
        family = [
            thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, Exception)
        ]
        self.assertGreater(len(family), 10)
        for error in family:
            self.assertTrue(issubclass(error, VoicedError), error)
            self.assertTrue(error.__doc__, error)

    def test_config_error_lists_every_fault(self):
        """All faults are shown, by file, line and column, one on a line."""
        later, earlier = Fault("flows/b.yaml", 2, 1, "no voice"), Fault("flows/a.yaml", 10, 3, "no node")
        error = ConfigError([later, earlier])
        self.assertEqual(error.faults, (earlier, later))
        self.assertEqual(str(error), "flows/a.yaml:10:3: no node\nflows/b.yaml:2:1: no voice")

    def test_warning(self):
        """What stops nothing says so, in its place."""
        self.assertEqual(Fault("flows/b.yaml", 2, 1, "odd").warning, "flows/b.yaml:2:1: warning: odd")

    def test_faults_sort_by_number(self):
        """Line 9 stands before line 10."""
        nine, ten = Fault("a", 9, 1, ""), Fault("a", 10, 1, "")
        self.assertEqual(ConfigError([ten, nine]).faults, (nine, ten))

    def test_protocol_violation(self):
        """A broken rule carries the close code that says so."""
        error = RemoteProtocolError(1008, "a second `start`")
        self.assertIsInstance(error, VoicedError)
        self.assertEqual((error.close_code, error.reason), (1008, "a second `start`"))
        self.assertEqual(str(error), "1008: a second `start`")

    def test_unknown_ticket(self):
        """What was wrong with a ticket can be counted."""
        error = UnknownTicket("late")
        self.assertEqual(error.reason, "late")
        self.assertIn("late", str(error))

    def test_synthesis_error(self):
        """A voice says whether another try may help; it may not, unless it says so."""
        self.assertTrue(SynthesisError("busy", retry=True).retry)
        self.assertFalse(SynthesisError("no such voice").retry)

    def test_carrier_error(self):
        """The carrier's own code and status are kept."""
        error = CarrierError("refused", code=20003, status=401)
        self.assertEqual((str(error), error.code, error.status), ("refused", 20003, 401))

    def test_call_over(self):
        """CallOver needs no words, and takes those that automat or a caller may give."""
        self.assertEqual(str(CallOver()), str(CallOver("ignored")))
