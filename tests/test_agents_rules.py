"""The rules brain: patterns and answers in YAML, and what it does with what it does not understand."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.agents.brains.brain import IBrain
from voiced.agents.brains.patterns import Pattern, Words
from voiced.agents.brains.rules import RuleBook, RulesBrain
from voiced.agents.local import Settings
from voiced.agents.talking.talk import Talk
from voiced.errors import AgentError
from voiced.ivoiced import Brief, Outcome, ToolResult
from voiced.settings import check
from voiced.settings.part import Part
from voiced.settings.plainyaml import parse
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_toolbox import FakeToolbox

HOTEL = """
first_message: "How can I help you?"
brain:
  rules:
    - when: [breakfast, "what time * eat"]
      say: "Breakfast is served from seven until ten."
    - when: "room {number} is *"
      say: "I am sorry about room {number}. I will send somebody."
    - when: "my name is {name}"
      say: ["Good evening, {name}.", "I know."]
    - when: taxi
      use: taxi
      with: {to: "{call.caller}", room: "{number}"}
      meanwhile: "One moment please."
      say: "It comes in {result} minutes."
    - when: weather
      use: weather
    - when: [goodbye, that is all]
      say: "You are welcome."
      then: end
    - when: human
      then: handover
    - turns: 8
      say: "Let me put you through."
      then: handover
  otherwise: ["I did not understand {heard}.", "I still did not."]
  give_up: {after: 3, say: "I give up.", then: hang_up}
"""


def load(yaml):
    """The settings, and the faults that the loader found."""
    part = Part(parse(yaml, "voiced.yaml"))
    return check.decode(part, Settings), [fault.message for fault in part.faults]


class PatternTests(SynchronousTestCase):
    def match(self, pattern, text):
        return Pattern.parse(pattern).match(Words.of(text))

    def test_matches(self):
        """Words in order, whole, anywhere, whatever their case, punctuation and short forms."""
        for pattern, text in (
            ("breakfast", "Breakfast?"),
            ("what time * eat", "Well, what time can one eat here?"),
            ("what time * eat", "What time eat"),
            ("that's all", "That is all."),
            ("that is all", "Um, that\u2019s, er, all."),
            ("I can't", "i cannot"),
            ("don't know", "I do not know"),
        ):
            self.assertEqual(self.match(pattern, text), {}, (pattern, text))

    def test_does_not_match(self):
        """Parts of words are no words, and order counts."""
        for pattern, text in (("eat", "heater"), ("what time * eat", "eat what time"), ("bye", ""), ("a b", "a x b")):
            self.assertIsNone(self.match(pattern, text))

    def test_places(self):
        """A place is as few words as will do, or at the end all the rest, as they were said."""
        for pattern, text, places in (
            ("room {number} is", "My room 4 15 is cold, it is.", {"number": "4 15"}),
            ("room {number} *", "room 4 15 is cold", {"number": "4"}),
            ("my name is {name}", "My name's Ann O'Neill.", {"name": "Ann O'Neill"}),
            ("from {a} to {b}", "from New York to Rome please", {"a": "New York", "b": "Rome please"}),
        ):
            self.assertEqual(self.match(pattern, text), places)
        self.assertIsNone(self.match("my name is {name}", "my name is"))

    def test_faults(self):
        """A pattern without a word, or with half a brace, is refused with a sentence."""
        for pattern, words in (("* {x}", "no word to listen for"), ("", "no word"), ("room {x", "brace")):
            self.assertIn(words, str(self.assertRaises(ValueError, Pattern.parse, pattern)))

    def test_many_stars(self):
        """A hostile talker costs no time worth mentioning."""
        self.assertIsNone(self.match("a * b * c * d * e", "a b c d " * 200))


class RulesTests(SynchronousTestCase):
    def setUp(self):
        settings, faults = load(HOTEL)
        self.assertEqual(faults, [])
        brain = settings.brain
        self.book = RuleBook.of(brain.rules, brain.otherwise, brain.give_up)
        self.said = []
        self.converse()

    def converse(self, **brief):
        self.talk = Talk(FakeCall(), Brief(**brief))
        self.brain = RulesBrain(self.book, self.talk)

    def ask(self, text):
        """What the brain says to this, and how it ends."""
        self.said.clear()
        self.talk.caller_said(text)
        answer = self.brain.answer(self.said.append)
        self.talk.answered()
        return answer

    def assertAnswers(self, text, *sentences, outcome=None):
        self.assertEqual(self.successResultOf(self.ask(text)), outcome)
        self.assertEqual([each.text for each in self.said], list(sentences))

    def test_is_a_brain(self):
        """It is an IBrain."""
        verifyObject(IBrain, self.brain)

    def test_answers(self):
        """The first rule that fits answers; its text is for everybody, so its audio may be kept."""
        self.assertAnswers("When is breakfast?", "Breakfast is served from seven until ten.")
        self.assertTrue(self.said[0].keep)

    def test_places(self):
        """Words that a place caught are said back, and not kept; they stay known."""
        self.assertAnswers("Room 12 is cold.", "I am sorry about room 12.", "I will send somebody.")
        self.assertFalse(self.said[0].keep)
        self.assertAnswers("A human!", outcome=Outcome("handover", {"number": "12"}))

    def test_again(self):
        """Of several texts each has its turn; the last one stays."""
        for answer in ("Good evening, Ann.", "I know.", "I know."):
            self.assertAnswers("My name is Ann", answer)

    def test_ends(self):
        """A rule ends the conversation, once its words are heard."""
        self.assertAnswers("No, that's all.", "You are welcome.", outcome=Outcome("completed"))

    def test_otherwise(self):
        """What was not understood is said, each time otherwise; something understood begins anew."""
        self.assertAnswers("Blue fish.", "I did not understand Blue fish.")
        self.assertAnswers("Blue fish.", "I still did not.")
        self.ask("breakfast")
        self.assertAnswers("Fish.", "I did not understand Fish.")

    def test_gives_up(self):
        """Too much in a row that was not understood ends it."""
        self.ask("one")
        self.ask("two")
        self.assertAnswers("three", "I give up.", outcome=Outcome("hung_up"))

    def test_asked_again(self):
        """A turn that is answered twice, for the caller went on, counts once."""
        self.talk.caller_said("Blue")
        self.brain.answer(self.said.append)
        self.assertAnswers("fish.", "I did not understand Blue fish.")

    def test_turns(self):
        """From some turn on a rule fits whatever is said."""
        for _ in range(7):
            self.ask("breakfast")
        self.assertAnswers("Blue fish", "Let me put you through.", outcome=Outcome("handover"))

    def test_understands(self):
        """Words that a rule knows are understood, but not where more may belong to a place at the end."""
        for text, understood in (("Breakfast?", True), ("My name is Ann", False), ("Blue fish", False)):
            self.assertEqual(self.brain.understands(text), understood)

    def test_foresees(self):
        """It knows what it would say first, and knowing it changes nothing."""
        for text, sentence in (
            ("My name is Ann", "Good evening, Ann."),
            ("taxi", "One moment please."),
            ("weather", None),
        ):
            foreseen = self.brain.foresee(text)
            self.assertEqual(foreseen and foreseen.text, sentence)
        self.assertAnswers("My name is Bob", "Good evening, Bob.")
        self.assertEqual(self.brain.foresee("My name is Ann").text, "I know.")

    def test_tool(self):
        """A tool is used with what is known, and its answer is spoken; meanwhile something else is."""
        working = Deferred()
        self.converse(tools=FakeToolbox(taxi=working))
        self.ask("Room 12 is cold")
        answer = self.ask("I need a taxi")
        self.assertEqual([each.text for each in self.said], ["One moment please."])
        working.callback(ToolResult("five"))
        self.assertIsNone(self.successResultOf(answer))
        self.assertEqual(self.said[1].text, "It comes in five minutes.")
        self.assertEqual(self.talk.brief.tools.used, [("taxi", {"to": "+14155550100", "room": "12"})])

    def test_tool_without_words(self):
        """A tool's own answer is said when the rule has no words for it; and it may end the conversation."""
        left = Outcome("transferred")
        self.converse(tools=FakeToolbox(weather=ToolResult("It rains.", leave=left)))
        self.assertAnswers("The weather?", "It rains.", outcome=left)

    def test_tool_fails(self):
        """A tool that could not do it is not asked what to say."""
        self.converse(tools=FakeToolbox(weather=ToolResult("HTTP 500", error=True)))
        self.assertAnswers("The weather?", "I am sorry, that did not work just now.")

    def test_no_tools(self):
        """A rule with a tool that nobody gave to the agent fails with what to do."""
        self.talk.caller_said("The weather?")
        error = self.assertRaises(AgentError, self.brain.answer, self.said.append)
        self.assertIn("give it `tools`", str(error))

    def test_tool_cancelled(self):
        """Cancelling stops the tool."""
        working = Deferred()
        self.converse(tools=FakeToolbox(taxi=working))
        answer = self.ask("taxi")
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.failureResultOf(working, CancelledError) if not working.called else None
        self.assertEqual(len(self.said), 1)


class SettingsTests(SynchronousTestCase):
    def test_faults(self):
        """What is wrong is said in a sentence."""
        for yaml, words in (
            ("brain: {}", "either `rules` or `openai-chat`"),
            ("brain: {rules: [{when: x, say: y}], openai-chat: {model: m}}", "either `rules` or `openai-chat`"),
            ("brain: {openai-chat: {model: m}, otherwise: What?}", "belong to `rules`"),
            ("brain: {rules: [{say: y}]}", "a rule needs `when`"),
            ("brain: {rules: [{when: x}]}", "a rule needs `say`, `use` or `then`"),
            ("brain: {rules: [{when: x, say: y, meanwhile: z}]}", "belong to a tool"),
            ("brain: {rules: [{when: '*', say: y}]}", "no word to listen for"),
            ("brain: {rules: [{when: x, then: leave}]}", "'leave' is not a choice"),
            ("brain: {rules: [{when: x, say: 'a {'}]}", "the brace at character 3"),
            ("brain: {openai-chat: {model: m, api_key: 'a b'}}", "copy the key alone"),
            ("brain: {openai-chat: {model: m, base_url: 'ftp://x'}}", "base_url"),
        ):
            self.assertIn(words, " ".join(load(yaml)[1]), yaml)

    def test_chat(self):
        """A chat endpoint needs a model, and little else."""
        settings, faults = load("brain: {openai-chat: {model: llama3.2, base_url: 'http://127.0.0.1:11434/v1'}}")
        self.assertEqual((faults, settings.brain.chat.model, settings.brain.rules), ([], "llama3.2", ()))
        self.assertNotIn("sk-x", repr(load("brain: {openai-chat: {model: m, api_key: sk-x}}")))
