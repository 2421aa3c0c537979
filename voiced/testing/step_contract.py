"""What every step promises (IStep): a test class for voiced's own steps and for other people's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.errors import CallOver
from voiced.ivoiced import Back, End, IStep
from voiced.testing.fake_call import FakeCall

KEYS = "0123456789*#ABCD"
PATIENCE = 1000.0
"""Seconds after which a step that waits for a key or a time has ended."""

if TYPE_CHECKING:
    _TestCase = SynchronousTestCase
else:
    _TestCase = object


class StepContract(_TestCase):
    """Mix it into a TestCase, and override `make_step`; `make_call` too, when the step needs more of its call."""

    def make_step(self) -> Any:
        """A step of the kind that is tested, with settings that make it do all it can."""
        raise NotImplementedError

    def make_call(self) -> FakeCall:
        """A call that the step can run on: every sentence in it takes a second."""
        return FakeCall(pace=1.0)

    def start(self, call: FakeCall) -> Deferred[Any]:
        """The step, running on this call."""
        return Deferred.fromCoroutine(self.make_step().run(call))

    def test_provides_the_interface(self) -> None:
        """It has what a flow asks of a step, callable as a flow calls it."""
        verifyObject(IStep, self.make_step())

    def test_settings_are_a_strict_struct(self) -> None:
        """Its settings are a msgspec.Struct that cannot change and refuses what it does not know."""
        settings = type(self.make_step())
        self.assertTrue(issubclass(settings, msgspec.Struct))
        self.assertTrue(settings.__struct_config__.frozen)
        self.assertTrue(settings.__struct_config__.forbid_unknown_fields)

    def test_explains_itself(self) -> None:
        """It has a docstring for those who write flows."""
        self.assertTrue(type(self.make_step()).__doc__)

    def test_shorthand_names_a_field(self) -> None:
        """The shorthand, where there is one, is a field, and the only one that must be given."""
        step = type(self.make_step())
        shorthand = getattr(step, "shorthand", None)
        required = {field.name for field in msgspec.structs.fields(step) if field.required}
        if shorthand is not None:
            self.assertIn(shorthand, step.__struct_fields__)
            self.assertLessEqual(required, {shorthand})

    def test_mentions_are_the_same_every_time(self) -> None:
        """What it names depends on its settings alone."""
        step = self.make_step()
        self.assertEqual(step.mentions(), step.mentions())
        self.assertEqual(step.mentions(), self.make_step().mentions())

    def test_goes_only_where_it_says(self) -> None:
        """Whatever the caller presses, it ends with a node that it mentions, with an End, a Back, or with None."""
        allowed = {*self.make_step().mentions().nodes, *End, None}
        for keys in ("", *KEYS):
            call = self.make_call()
            call.press(keys)
            running = self.start(call)
            for _ in range(100):
                call.clock.advance(PATIENCE)
            follow = self.successResultOf(running)
            self.assertTrue(isinstance(follow, Back) or follow in allowed, follow)

    def test_hang_up_passes_through(self) -> None:
        """Cancelled while it waits, it ends with CancelledError at once, and leaves nothing behind."""
        call = self.make_call()
        running = self.start(call)
        if running.called:
            return  # it waits for nothing
        call.hang_up()
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(call.clock.getDelayedCalls(), [])

    def test_a_call_without_a_line_passes_through(self) -> None:
        """Told by the call that the caller is gone, it says so, and tries nothing else."""
        call = self.make_call()
        call.hang_up()
        running = self.start(call)
        if call.refused:
            self.failureResultOf(running, CallOver)
            self.assertEqual(call.refused, 1)
        else:
            call.clock.advance(PATIENCE)
            self.successResultOf(running)
