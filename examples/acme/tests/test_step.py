"""The step that asks for a parcel number."""

from acme_voiced.step import ParcelNumber
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.template import Template
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall

PROMPT, WRONG = Template.parse("Your number, please."), Template.parse("That is none.")


class ParcelNumberContract(StepContract, SynchronousTestCase):
    """It keeps what steps promise."""

    def make_step(self) -> ParcelNumber:
        """With all that it can have."""
        return ParcelNumber(PROMPT, WRONG, otherwise="assistant", voice="announcer")


class ParcelNumberTests(SynchronousTestCase):
    """What a caller hears, and where it leads."""

    def run_for(self, call: FakeCall, **settings: object) -> str | None:
        """Where it leads, once the caller has pressed no more keys for long enough."""
        running = Deferred.fromCoroutine(ParcelNumber(PROMPT, WRONG, **settings).run(call))
        call.clock.pump([6.0] * 5)
        return self.successResultOf(running)

    def test_right(self) -> None:
        """A right number is a fact, and the flow goes on; nothing of it is in the record."""
        call = FakeCall()
        call.press("473124829")
        self.assertEqual(self.run_for(call), None)
        self.assertEqual((call.facts["parcel.number"], call.notes), ("473124829", ["9 digits"]))

    def test_wrong(self) -> None:
        """After a number that cannot be right it says so, and asks again."""
        call = FakeCall()
        call.press("473124828" + "473124829")
        self.assertEqual(self.run_for(call), None)
        self.assertEqual([said.text for said in call.said], ["That is none."])  # typed ahead: no prompt
        self.assertEqual(call.facts["parcel.number"], "473124829")

    def test_silence(self) -> None:
        """Who types nothing is asked again, and then led elsewhere."""
        call = FakeCall()
        self.assertEqual(self.run_for(call, retries=1, otherwise="assistant"), "assistant")
        self.assertEqual([said.text for said in call.said], ["Your number, please."] * 2)
        self.assertEqual(call.facts["parcel.number"], "")
