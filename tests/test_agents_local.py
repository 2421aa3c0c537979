"""The local agent: its ears, brain and mouth together, whose turn it is, and how it ends, in every state."""

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from voiced.agents.brains.brain import IBrain
from voiced.agents.brains.chat import Chat
from voiced.agents.brains.rules import GivingUp, Rule
from voiced.agents.local import Brain, LocalAgent, Settings, make
from voiced.agents.talking.talk import Line, Talk
from voiced.agents.talking.turntaking import Patience
from voiced.call.audio import silence
from voiced.call.template import Template
from voiced.errors import AgentError, FlowError, RecognitionFailed, SynthesisError, VoicedError
from voiced.ivoiced import Brief, Outcome, Utterance, Who
from voiced.simulator.memory import elapse
from voiced.testing.contracts import AgentContract
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fake_line import FakeLine
from voiced.testing.fakes import FakeTools, SpellingVoice, read_speech, spell

GREETING = Template.parse("Hello {call.caller}.")
RULES = (
    Rule(when="breakfast", say=Template.parse("From seven.")),
    Rule(when="goodbye", say=Template.parse("Bye."), then="end"),
)
SETTINGS = Settings(Brain(RULES), patience=Patience(understood=0.3, usual=0.5))
TURN_OVER = silence(0.6)


class LocalAgentContract(AgentContract, SynchronousTestCase):
    """What every agent promises."""

    step, steps = 0.1, 30

    def make_agent(self):
        self.clock = Clock()
        self.hearing = FakeHearing(self.clock, delay=0.05)
        return make(SETTINGS, FakeTools(self.clock, hearing=self.hearing))

    def agent_speaks(self):
        self.hearing.delay = 0.0
        self.line.caller_says(spell("breakfast") + TURN_OVER)

    def agent_ends(self):
        self.line.caller_says(spell("goodbye") + TURN_OVER)

    def break_agent(self):
        self.hearing.fail_with = RecognitionFailed("it broke")
        self.line.caller_says(spell("breakfast") + TURN_OVER)


@implementer(IBrain)
class Thinker:
    """A brain that answers when the test says so; `talks` has what it was asked."""

    def __init__(self, talk):
        self.talk = talk
        self.asked = []
        self.cancelled = 0
        self.fault = None
        """What it breaks on, when it is asked next."""

    def understands(self, text):
        return True

    def foresee(self, text):
        return Utterance(f"{text}!") if text.endswith("??") else None

    def answer(self, say):
        self.asked.append(self.talk.said)
        if self.fault is not None:
            raise self.fault
        self.say = lambda text: say(Utterance(text))
        self.thinking = Deferred(self._cancel)
        return self.thinking

    def _cancel(self, _):
        self.cancelled += 1


class Deaf(FakeHearing):
    """Ears without a model."""

    def detector(self):
        raise RecognitionFailed("no model")


class MentionsTests(SynchronousTestCase):
    def test_names(self):
        """Its voice, and each tool of its rules once, are known before anybody calls."""
        rules = (*RULES, Rule(when="taxi", use="taxi"), Rule(when="cab", use="taxi"))
        mentions = Settings(Brain(rules), voice="rachel").mentions()
        self.assertEqual((mentions.voices, mentions.tools), (("rachel",), ("taxi",)))
        self.assertEqual(SETTINGS.mentions().voices, ())

    def test_sentences(self):
        """Every sentence that is the same for all callers is known, and can be rendered before anybody calls."""
        rules = (
            Rule(when="pets", say=(Template.parse("Dogs are. Cats too."), Template.parse("All are, {call.caller}."))),
            Rule(when="taxi", use="taxi", meanwhile=Template.parse("One moment.")),
        )
        brain = Brain(rules, give_up=GivingUp(after=2, then="handover", say=Template.parse("I give up.")))
        settings = Settings(brain, first_message=Template.parse("Welcome."), voice="rachel")
        said = [prompt.text.source for prompt in settings.mentions().prompts]
        sorry = "I am sorry, that did not work just now."
        self.assertEqual(said, ["Welcome.", "Dogs are.", "Cats too.", "One moment.", sorry, "I give up."])
        self.assertEqual({prompt.voice for prompt in settings.mentions().prompts}, {"rachel"})
        chat = Settings(Brain(chat=Chat(model="m")), first_message=Template.parse("Hello {call.caller}."))
        self.assertEqual(chat.mentions().prompts, ())

    def test_deaf_machine(self):
        """Where no ears can be had the conversation fails, with the reason."""
        clock = Clock()
        agent = make(SETTINGS, FakeTools(clock, hearing=Deaf()))
        error = self.failureResultOf(agent.converse(FakeLine(clock), FakeCall(clock=clock), Brief()), AgentError)
        self.assertIn("cannot hear: no model", str(error.value))


class ConversationTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.voice = SpellingVoice(self.clock, pause=0.05)
        self.hearing = FakeHearing(self.clock)
        self.line = FakeLine(self.clock)
        self.call = FakeCall(clock=self.clock, voices={"": self.voice})

    def converse(self, brief=None, brain=None, **settings):
        settings = msgspec.structs.replace(SETTINGS, **settings)
        if brain is None:
            self.agent = LocalAgent(settings, self.hearing, self._think)
        else:
            self.agent = make(settings, FakeTools(self.clock, hearing=self.hearing))
        self.talking = self.agent.converse(self.line, self.call, brief or Brief())

    def _think(self, talk):
        self.brain = Thinker(talk)
        return self.brain

    def hear(self, text, after=0.6):
        self.line.caller_says(silence(0.2) + spell(text) + silence(after))

    def passes(self, seconds):
        elapse(self.clock, seconds)

    def assertHeard(self, *texts):
        self.assertEqual(read_speech(self.line.heard), list(texts))

    def assertNothingLeft(self):
        self.passes(20)  # what the line has plays on
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(self.line.is_heard)

    def transcript(self):
        return [(said.who, said.text) for said in self.line.transcript]

    # Speaking and hearing

    def test_said_over_ours_and_cut_nothing(self):
        """Where the call listens for interruptions, what was said over us and did not cut us was no words."""
        self.line.guarded = True
        self.converse(brain=None, first_message=Template.parse("A long greeting that goes on and on for a while"))
        self.clock.advance(0.1)
        self.line.caller_says(spell("HM") + TURN_OVER)
        elapse(self.clock, 5)
        self.assertEqual([line.who for line in self.line.transcript], ["agent"])
        self.assertEqual(self.brain.asked, [])
        self.talking.addErrback(lambda cancelled: None)
        self.talking.cancel()

    def test_our_echo(self):
        """Nor was what began while we spoke and ended with us; what goes on longer is the caller's."""
        for ends, asked in ((0.2, []), (0.7, ["HELLO"])):
            self.setUp()
            self.line.guarded = True
            self.hearing.texts = ["HELLO"]
            self.converse(first_message=Template.parse("Yes, what is it?"))
            ours = len(spell("Yes, what is it?")) / 8000
            self.clock.pump([0.02] * round((ours - 0.3) / 0.02))
            for frame in [b"H" * 160] * round((0.3 + ends) / 0.02) + [silence(0.02)] * 100:
                self.line.caller_says(frame)
                elapse(self.clock, 0.02)
            self.assertEqual(self.brain.asked, asked, ends)
            self.talking.addErrback(lambda cancelled: None)
            self.talking.cancel()

    def test_greets(self):
        """It is ready at once, and says what it says first."""
        self.converse(first_message=GREETING)
        self.assertTrue(self.line.is_ready)
        self.passes(3)
        self.assertHeard("Hello +14155550100.")

    def test_told_what_to_say_first(self):
        """What it is told to say first is said as it is, with the voice that it is told to use."""
        self.call = FakeCall(clock=self.clock, voices={"ann": self.voice})
        self.converse(Brief(first_message="Hi {you}!", voice="ann"), first_message=GREETING, voice="bob")
        self.passes(3)
        self.assertHeard("Hi {you}!")

    def test_listens(self):
        """Without a greeting the caller begins."""
        self.converse()
        self.passes(3)
        self.assertHeard()
        self.hear("Hello")
        self.assertEqual(self.brain.asked, ["Hello"])

    def test_answers(self):
        """What the caller says goes to the brain, what that says to the caller, and both to the transcript."""
        self.converse()
        self.hear("How much?")
        self.brain.say("Ten.")
        self.brain.say("Or nine.")
        self.passes(2)
        self.assertHeard("Ten.", "Or nine.")
        self.assertEqual(self.transcript(), [("caller", "How much?"), ("agent", "Ten."), ("agent", "Or nine.")])

    def test_synthesizes_ahead(self):
        """One sentence is synthesized while the one before it is heard, and no more than one."""
        self.converse()
        self.hear("How much?")
        for sentence in ("Ten.", "Nine.", "Eight."):
            self.brain.say(sentence)
        self.assertEqual(self.voice.spoken, ["Ten.", "Nine."])
        self.passes(0.3)
        self.assertEqual(self.voice.spoken, ["Ten.", "Nine.", "Eight."])

    def test_caller_is_active(self):
        """The line is told while the caller speaks: it counts the silence."""
        self.converse()
        self.hear("Hello there")
        self.assertEqual(self.line.activities, 1)

    def test_history(self):
        """The brain is told of the talk as it was heard."""
        self.converse()
        self.hear("How much?")
        self.brain.say("Ten of them today.")
        self.passes(0.45)
        self.line.interrupt()
        self.hear("What?")
        lines = [(line.who, line.heard) for line in self.brain.talk.lines]
        self.assertEqual(lines, [(Who.CALLER, "How much?"), (Who.AGENT, "Ten of")])
        self.assertEqual((self.brain.asked, self.brain.talk.turns), (["How much?", "What?"], 2))

    # Whose turn it is

    def test_goes_on_before_an_answer(self):
        """A caller who goes on before the answer is heard is answered once, to all of it."""
        self.converse()
        self.hear("How much")
        self.hear("is it?")
        self.assertEqual((self.brain.asked, self.brain.cancelled), (["How much", "How much is it?"], 1))
        self.assertEqual(self.brain.talk.turns, 1)

    def test_does_not_begin_while_the_caller_speaks(self):
        """An answer that comes while the caller has begun again waits, and is dropped when there were words."""
        self.converse()
        self.hear("How much")
        self.line.caller_says(spell("is it"))
        self.brain.say("Ten.")
        self.passes(0.1)
        self.assertEqual(self.voice.spoken, ["Ten."])
        self.hear("so")
        self.passes(1)
        self.assertHeard()

    def test_cough(self):
        """An answer that waits is given when what the caller began was nothing."""
        self.converse()
        self.hear("How much?")
        self.hearing.texts = [""]
        self.line.caller_says(spell("krchm"))
        self.brain.say("Ten.")
        self.line.caller_says(TURN_OVER)
        self.passes(1)
        self.assertHeard("Ten.")

    def test_slow_voice_is_held(self):
        """A synthesis that has given nothing yet is kept while the caller makes another sound, and may be dropped."""
        self.voice.first_after = 0.5
        self.converse()
        self.hear("How much")
        self.brain.say("Ten.")
        self.line.caller_says(spell("is it"))
        self.passes(2)
        self.assertHeard()
        self.hear("now")
        self.passes(2)
        self.assertHeard()

    def test_foresees(self):
        """What may be the answer is synthesized while we wait whether the caller is done, and said if it is that."""
        self.converse()
        self.hear("How much??", after=0.25)
        self.assertEqual((self.voice.spoken, self.brain.asked), (["How much??!"], []))
        self.line.caller_says(silence(0.3))
        self.brain.say("How much??!")
        self.passes(2)
        self.assertHeard("How much??!")
        self.assertEqual(self.voice.syntheses, 1)

    def test_foresees_wrong(self):
        """What was synthesized and is not said after all is dropped."""
        self.voice.first_after = 1.0
        self.converse()
        self.hear("How much??", after=0.25)
        self.hear("Never??")
        self.brain.say("Ten.")
        self.passes(3)
        self.assertHeard("Ten.")
        self.assertEqual(self.voice.cancellations, 1)

    def test_foresees_with_a_broken_voice(self):
        """A voice that breaks before it is needed fails nothing until it is."""
        self.voice.fail_with = SynthesisError("no credits left")
        self.converse()
        self.hear("How much??", after=0.25)
        self.assertNoResult(self.talking)
        self.line.caller_says(silence(0.3))
        self.brain.say("How much??!")
        self.assertFails("no credits left")

    def test_interrupted(self):
        """Interrupted, the voice and the brain stop, and what was still to be said is forgotten."""
        self.converse()
        self.hear("How much?")
        for sentence in ("Ten of them.", "Nine.", "Eight."):
            self.brain.say(sentence)
        self.passes(0.3)
        self.line.interrupt()
        self.passes(5)
        self.assertHeard("Ten of")
        self.assertEqual((self.brain.cancelled, len(self.voice.spoken)), (1, 2))

    def test_answers_the_interruption(self):
        """What the caller has said is answered, whether it was over before the call cut us or after."""
        self.converse()
        self.hear("How much?")
        self.brain.say("Ten of them.")
        self.passes(0.3)
        self.hear("Stop it")
        self.assertEqual(self.brain.asked, ["How much?"])
        self.line.interrupt()
        self.assertEqual(self.brain.asked, ["How much?", "Stop it"])

    def test_cut_while_the_caller_speaks(self):
        """Cut in the middle of the caller's words, it waits for their end."""
        self.converse()
        self.hear("How much?")
        self.brain.say("Ten of them.")
        self.passes(0.3)
        self.hear("Okay")
        self.line.caller_says(spell("stop it"))
        self.line.interrupt()
        self.assertEqual(self.brain.asked, ["How much?"])
        self.line.caller_says(TURN_OVER)
        self.assertEqual(self.brain.asked, ["How much?", "stop it"])

    def test_nods(self):
        """ "Mm-hm" while we speak asks for no answer; other words get one when we are heard out."""
        self.converse()
        self.hear("How much?")
        self.brain.say("Ten.")
        self.hear("Mm, okay.")
        self.brain.thinking.callback(None)
        self.passes(1)
        self.assertEqual(self.brain.asked, ["How much?"])
        self.hear("Why?")
        self.brain.say("So.")
        self.hear("And when?")
        self.brain.thinking.callback(None)
        self.passes(1)
        self.assertEqual(self.brain.asked, ["How much?", "Why?", "And when?"])

    def test_brain_says_nothing(self):
        """A brain that has nothing to say is not asked again."""
        self.converse()
        self.hear("How much?")
        self.brain.thinking.callback(None)
        self.passes(1)
        self.hear("Hello?")
        self.assertEqual((self.brain.asked, self.brain.talk.turns), (["How much?", "Hello?"], 2))

    # Keys

    def test_keys(self):
        """Keys are what the caller says, a number of them together."""
        self.converse()
        for key in "12":
            self.line.press(key)
            self.passes(0.5)
        self.assertEqual(self.brain.asked, [])
        self.passes(0.6)
        self.assertEqual(self.brain.asked, ["12"])

    def test_hash(self):
        """`#` ends a number."""
        self.converse()
        self.line.press("1")
        self.line.press("#")
        self.passes(0)
        self.assertEqual((self.brain.asked, self.transcript()), (["1"], [("caller", "1#")]))

    def test_key_cuts(self):
        """A key cuts what is said."""
        self.converse(first_message=GREETING)
        self.passes(0.25)
        self.line.press("1")
        self.passes(2)
        self.assertHeard("Hello")
        self.assertEqual(self.brain.asked, ["1"])

    # How it ends

    def test_leaves(self):
        """It ends as the brain says, when all is heard; the caller's words do not matter any more."""
        self.converse()
        self.hear("Goodbye")
        self.brain.say("Bye.")
        self.brain.thinking.callback(Outcome("completed"))
        self.hear("Wait!")
        self.assertNoResult(self.talking)
        self.passes(1)
        self.assertEqual(self.successResultOf(self.talking), Outcome("completed"))
        self.assertHeard("Bye.")
        self.assertNothingLeft()

    def test_leaves_when_cut(self):
        """Interrupted in its last words, it has still decided to leave."""
        self.converse()
        self.hear("Goodbye")
        self.brain.say("Goodbye.")
        self.brain.thinking.callback(Outcome("handover"))
        self.passes(0.1)
        self.line.interrupt()
        self.assertEqual(self.successResultOf(self.talking), Outcome("handover"))

    def test_leaves_without_a_word(self):
        """It may end without saying anything."""
        self.converse()
        self.hear("Goodbye")
        self.brain.thinking.callback(Outcome("handover"))
        self.assertEqual(self.successResultOf(self.talking), Outcome("handover"))
        self.assertNothingLeft()

    def test_leaves_although_the_caller_speaks(self):
        """It says its last words even when the caller had begun to speak before them."""
        self.converse()
        self.hear("Goodbye")
        self.line.caller_says(spell("and"))
        self.brain.say("Bye.")
        self.brain.thinking.callback(Outcome("completed"))
        self.passes(1)
        self.assertHeard("Bye.")
        self.successResultOf(self.talking)

    def test_rules(self):
        """A conversation by rules, from the greeting to its end."""
        self.converse(brain=RULES, first_message=Template.parse("Yes?"))
        for text in ("Breakfast?", "Blue fish.", "Goodbye!"):
            self.passes(3)
            self.hear(text)
        self.passes(3)
        self.assertHeard("Yes?", "From seven.", "I am sorry, I did not understand: Blue fish.", "Bye.")
        self.assertEqual(self.successResultOf(self.talking).name, "completed")

    # How it fails

    def assertFails(self, words):
        self.assertIn(words, str(self.failureResultOf(self.talking, AgentError).value))
        self.assertNothingLeft()

    def test_no_voice(self):
        """A voice that is not there fails it, by name."""
        self.call.voice = self._no_voice
        self.converse(voice="ann")
        self.assertFails("no voice is called 'ann'")

    def test_voice_breaks(self):
        """A voice that breaks fails it."""
        self.voice.fail_with = SynthesisError("no credits left")
        self.converse(first_message=GREETING)
        self.assertFails("the local agent cannot speak: no credits left")

    def test_voice_breaks_in_the_middle(self):
        """A voice that breaks in the middle of a sentence fails it; what was sent is heard."""
        self.voice.fail_with, self.voice.fail_after = SynthesisError("no credits left"), 3
        self.converse(first_message=GREETING)
        self.assertFails("no credits left")
        self.assertHeard("Hel")

    def test_ears_break(self):
        """Ears that break fail it."""
        self.hearing.fail_with = RecognitionFailed("the recogniser broke")
        self.converse()
        self.hear("Hello")
        self.assertFails("the local agent cannot hear: the recogniser broke")

    def test_brain_breaks(self):
        """A brain that breaks fails it, with its own sentence."""
        self.converse()
        self.hear("Hello")
        self.brain.thinking.errback(AgentError("the endpoint refuses the key"))
        self.assertFails("the endpoint refuses the key")

    def _no_voice(self, name=None):
        raise FlowError("no voice is called 'ann'")

    def test_brain_has_a_fault(self):
        """A brain's own fault is logged with its traceback."""
        self.converse()
        self.brain.fault = ZeroDivisionError()
        self.hear("Hello")
        self.assertFails("a fault of its own (ZeroDivisionError)")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_caller_gone(self):
        """A line that is gone when it wants to speak fails it, and it tries no more."""
        self.converse()
        self.hear("Hello")
        self.line.hang_up()
        self.brain.say("Hello.")
        self.brain.say("Hello?")
        self.assertFails("the call is over")
        self.assertEqual(self.line.after_the_end, 1)

    def test_not_installed(self):
        """Without the extra `local` it is not made, and says what to install."""
        self.assertRaises(VoicedError, make, SETTINGS, FakeTools(self.clock))

    # Cancelled

    def test_cancelled(self):
        """Cancelled in any state, everything ends at once: timers, recognitions, syntheses and thoughts."""
        for number, state in enumerate(STATES):
            self.setUp()
            self.converse(first_message=GREETING if state is greeting else None)
            state(self)
            self.talking.cancel()
            self.failureResultOf(self.talking, CancelledError)
            spoken = list(self.voice.spoken)
            self.assertNothingLeft()
            self.assertEqual(self.voice.spoken, spoken, number)

    def test_cancelled_by_what_it_says(self):
        """It may be cancelled because of what it says, in the middle of saying so."""
        self.converse()
        self.line.said = lambda *_: self.talking.cancel()
        self.hear("Hello")
        self.failureResultOf(self.talking, CancelledError)
        self.assertNothingLeft()


def greeting(test):
    """While it greets."""
    test.passes(0.1)


def listening(test):
    """While nobody speaks."""


def hearing(test):
    """While the caller speaks."""
    test.line.caller_says(spell("Hello there"))


def recognising(test):
    """While what was said is recognised."""
    test.hearing.delay = 1.0
    test.hear("Hello there")


def waiting(test):
    """While it waits whether there is more, and the answer is synthesized already."""
    test.voice.first_after = 0.5
    test.hear("Hello there??", after=0.25)


def typing(test):
    """While the caller types a number."""
    test.line.press("1")


def thinking(test):
    """While the brain thinks."""
    test.hear("Hello there")


def synthesizing(test):
    """While a sentence is synthesized."""
    test.voice.first_after = 0.5
    thinking(test)
    test.brain.say("Hello.")


def speaking(test):
    """While sentences are heard, and more wait."""
    thinking(test)
    for sentence in ("Ten.", "Nine.", "Eight."):
        test.brain.say(sentence)
    test.passes(0.1)


def leaving(test):
    """While its last words are heard."""
    speaking(test)
    test.brain.thinking.callback(Outcome("completed"))


STATES = (greeting, listening, hearing, recognising, typing, waiting, thinking, synthesizing, speaking, leaving)


class TalkTests(SynchronousTestCase):
    def test_heard(self):
        """Of a line that was cut, whole words were heard, by its share of the sound."""
        for share, heard in ((1.0, "One two three."), (0.7, "One two"), (0.1, ""), (0.0, "")):
            self.assertEqual(Line(Who.AGENT, "One two three.", share).heard, heard)

    def test_facts(self):
        """What the agent was told stands before what the call knows."""
        talk = Talk(FakeCall(), Brief(variables={"call.caller": "Ann"}))
        self.assertEqual((talk.facts["call.caller"], talk.facts["call.called"]), ("Ann", "+14155550123"))
