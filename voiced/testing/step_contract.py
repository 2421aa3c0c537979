"""What every step promises (IStep): a test class for voiced's own steps and for other people's.

class ShoutContract(StepContract, SynchronousTestCase):
    def make_step(self):
        return Shout(Template.parse("Fire, {party.name|everybody}!"))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.template import FACT
from voiced.errors import CallOver
from voiced.ivoiced import Back, End, IStep, Mentions, Prompt
from voiced.testing.fake_call import FakeCall

KEYS = "0123456789*#ABCD"
PATIENCE = 1000.0
"""Seconds after which a step that waits for a key or a time has ended."""
MOMENTS = (0, 1, 2, 3, 5, 8, 13, 21, 34)
"""At how many half seconds of its run a step is cancelled."""
_YES_OR_NO = ("hears", "waits", "goes_on")
"""What Mentions says with True or False; all else in it is a tuple."""

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

    def test_mentions_are_names(self) -> None:
        """Each is a tuple of what IStep says: of names, and of prompts."""
        mentions = self.make_step().mentions()
        self.assertIsInstance(mentions, Mentions)
        for name, value in attrs.asdict(mentions, recurse=False).items():
            kind = Prompt if name == "prompts" else str
            right = isinstance(value, bool if name in _YES_OR_NO else tuple)
            self.assertTrue(right and (name in _YES_OR_NO or all(isinstance(each, kind) for each in value)), name)

    def test_mentions_what_its_prompts_need(self) -> None:
        """The facts that its prompts have no default for are among those that it reads, their voices among its
        voices."""
        mentions = self.make_step().mentions()
        needed = {fact for prompt in mentions.prompts for fact in prompt.text.needs}
        self.assertLessEqual(needed, {*mentions.reads, *mentions.sets})
        self.assertLessEqual({prompt.voice for prompt in mentions.prompts} - {None}, set(mentions.voices))

    def test_goes_only_where_it_says(self) -> None:
        """Whatever the caller presses, it ends with a node that it mentions, with an End, a Back, or with None."""
        mentions = self.make_step().mentions()
        allowed = {*mentions.nodes, *End, *((None,) if mentions.goes_on else ())}
        for _, follow in self.walks():
            self.assertTrue(isinstance(follow, Back) or follow in allowed, follow)

    def test_does_only_what_it_says(self) -> None:
        """Whatever the caller presses, it speaks with the voices, sets the facts and waits as it mentions."""
        mentions = self.make_step().mentions()
        before = set(self.make_call().facts)
        for call, _ in self.walks():
            self.assertLessEqual({said.voice for said in call.said} - {None}, set(mentions.voices))
            set_by_it = [name for name in set(call.facts) - before if FACT.fullmatch(name)]  # others nobody can read
            unsaid = [name for name in set_by_it if not _among(name, mentions.sets)]
            self.assertEqual(unsaid, [], "facts that it sets and does not mention")
            self.assertTrue(mentions.waits or not call.listened, "it listens, and does not mention that it `waits`")

    def test_says_what_it_mentions(self) -> None:
        """A text that is the same for every caller is mentioned: else nobody speaks it into the cache ahead."""
        prompts = [prompt.text for prompt in self.make_step().mentions().prompts]
        if not all(prompt.static for prompt in prompts):
            return  # what it says of a caller nobody knows ahead
        texts = {wording.source for prompt in prompts for wording in prompt.wordings}
        filled = {prompt.fill({}, wording.language) for prompt in prompts for wording in prompt.wordings}
        for call, _ in self.walks():
            self.assertLessEqual({said.text for said in call.said}, texts | filled)

    def walks(self) -> Iterator[tuple[FakeCall, Any]]:
        """The step, run to its end for a caller who presses nothing, and for each key: the call, and what follows."""
        for keys in ("", *KEYS):
            call = self.make_call()
            call.press(keys)
            running = self.start(call)
            for _ in range(100):
                call.clock.advance(PATIENCE)
            yield call, self.successResultOf(running)

    def test_hang_up_passes_through(self) -> None:
        """Cancelled whenever it waits, it ends with CancelledError at once, and leaves nothing behind."""
        for waited in MOMENTS:
            call = self.make_call()
            running = self.start(call)
            call.clock.pump([0.5] * waited)
            if running.called:
                return  # it is over by then, or waits for nothing
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


def _among(fact: str, mentioned: Sequence[str]) -> bool:
    """Whether this fact is one of these; `party.*` stands for all that begin so."""
    stars = tuple(name[:-1] for name in mentioned if name.endswith(".*"))
    return fact in mentioned or fact.startswith(stars)
