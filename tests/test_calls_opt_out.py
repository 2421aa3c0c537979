"""Whole calls of people who do not want to be called any more: the number is on the list, whatever happens then."""

from pathlib import Path

import msgspec
from twisted.internet.defer import maybeDeferred
from twisted.logger import LogLevel, capturedLogs
from zope.interface import implementer

from tests.agents import ScriptedAgent
from tests.house import PERSON, House, flow, say
from tests.test_calls_disclose import Failing
from voiced.agents.tools import opt_out
from voiced.call.flow import OnMachine
from voiced.call.optout import OptOut
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.calling import Call
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.speech import Pause
from voiced.call.template import Template
from voiced.errors import CallOver, StoreError, VoicedError
from voiced.guard.guard import Guard
from voiced.guard.patterns import Pattern
from voiced.guard.rules import Inbound, Outbound
from voiced.ivoiced import Dial, IStep, Mentions, Who
from voiced.store.store import open_store
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import FakeTools, spell

CALLER = "+14155550100"
CONFIRM = Template.parse("Never again.")
NINE = OptOut("9", ("stop calling", "take me off your list"), CONFIRM)
PRESS = Template.parse("Press.")


@implementer(IStep)
class Gather(msgspec.Struct, frozen=True):
    """Waits for two keys, of all that there are."""

    def mentions(self):
        """See IStep."""
        return Mentions(keys=tuple("0123456789#"), waits=True)

    async def run(self, call):
        """See IStep."""
        call.facts["got"] = str(await call.listen(5)) + str(await call.listen(5))


@implementer(IStep)
class Remember(msgspec.Struct, frozen=True):
    """Writes down how the human has opted out."""

    def mentions(self):
        """See IStep."""
        return Mentions()

    async def run(self, call):
        """See IStep."""
        call.journal("how", call.facts["call.opted_out"])


@implementer(IStep)
class Deaf(msgspec.Struct, frozen=True):
    """A step that does not take no for an answer."""

    def mentions(self):
        """See IStep."""
        return Mentions()

    async def run(self, call):
        """See IStep."""
        try:
            await call.wait(5)
        except Exception:  # noqa: BLE001 - what no step may do
            raise VoicedError("oh no") from None


class OptingOut(House):
    """Calls of a flow with an `opt_out`."""

    def begins(self, *steps, **settings):
        """A caller is in a flow of these steps."""
        more = {name: settings.pop(name) for name in ("on_hangup", "on_error") if name in settings}
        nodes = {"start": list(steps), "other": [say("Other.")], "after": [Remember()]}
        self.agent = ScriptedAgent(self.clock)
        tools = {"opt_out": opt_out.make(opt_out.Settings(), FakeTools(self.clock))}
        self.lives_in(
            flow(nodes, opt_out=settings.pop("opt_out", NINE), **more),
            *settings.pop("flows", ()),
            agents={"helper": Colleague(self.agent, tools)},
            **settings,
        )
        call = self.ring()
        self.passes(0.3)
        return call

    def opted_out(self):
        """Whom the guard has been told of, and how."""
        return [what for kind, what in self.guard.asked if kind == "opt_out"]

    def assert_opted_out(self, call, how, *heard, ending=Ending.COMPLETED):
        """The number is on the list, once; the caller has heard this, and the record says it; gives the record."""
        self.assertEqual(self.opted_out(), [(CALLER, how)])
        self.passes(30)
        self.assert_heard(call, *heard)
        record = self.assert_ended(call, ending)
        self.assertEqual((record["opted_out"]["how"], record["reason"]), (how, f"opted out by {how}"))
        return record


class KeyTests(OptingOut):
    def test_of_a_number_that_callers_are_connected_with(self):
        """It is on the list like any other; that flows connect callers with it all the same is said."""
        call = self.begins(say("one two three four five"), named=frozenset({CALLER}))
        with capturedLogs() as logged:
            call.press("9")
            self.passes(0.1)
        self.assertEqual(self.opted_out(), [(CALLER, "key")])
        (warning,) = [event for event in logged if event["log_level"] is LogLevel.warn]
        self.assertIn("connected all the same", warning["log_format"])

    def test_while_a_sentence_runs(self):
        """The key cuts the sentence; the confirmation follows, and nothing else."""
        call = self.begins(say("one two three four five"), say("Next."))
        call.press("9")
        self.passes(0.1)
        record = self.assert_opted_out(call, "key", "one twNever again.")
        self.assertEqual([step["result"] for step in record["steps"]], ["cut off"])

    def test_uninterruptible(self):
        """It cuts what no other key may cut."""
        call = self.begins(say("one two three four five", interruptible=False), say("Next."))
        call.press("9")
        self.passes(0.1)
        self.assert_opted_out(call, "key", "one twNever again.")

    def test_other_keys(self):
        """Other keys do what they always do."""
        call = self.begins(say("one two three four five"), say("Next."))
        call.press("8")
        self.passes(10)
        self.assertEqual((self.opted_out(), self.read(call)[-1][-5:]), ([], "Next."))
        self.assertIsNone(self.assert_ended(call, Ending.COMPLETED)["opted_out"])

    def test_at_a_menu(self):
        """At a menu that has no such key it opts out."""
        call = self.begins(Menu(PRESS, {"1": "other"}))
        self.passes(3)
        call.press("9")
        self.passes(0.1)
        self.assert_opted_out(call, "key", "Press.", "Never again.")

    def test_key_of_the_menu(self):
        """At a menu that has the key, it means what the menu says."""
        call = self.begins(Menu(PRESS, {"9": "other"}))
        call.press("9")
        self.passes(10)
        self.assertEqual(self.opted_out(), [])
        self.assertTrue(self.read(call)[-1].endswith("Other."))

    def test_gathered(self):
        """Where digits are gathered, it is one of them."""
        call = self.begins(Gather(), say("{got}"))
        call.press("19")
        self.passes(5)
        self.assertEqual(self.opted_out(), [])
        self.assert_heard(call, "19")

    def test_with_an_agent(self):
        """In a conversation the agent is stopped, and not told of the key; the confirmation follows at once."""
        call = self.begins(Agent("helper"), say("Next."))
        self.agent.says("one two three four five")
        self.passes(0.4)
        call.press("9")
        self.passes(0.1)
        record = self.assert_opted_out(call, "key", "one two Never again.")
        self.assertEqual((self.agent.keys, self.agent.cancelled), ("", 1))
        self.assertEqual(record["agents"][0]["outcome"], "cut off")

    def test_once(self):
        """While the last sentence runs, keys and words do nothing more, and nobody is connected any more."""
        call = self.begins(Pause(20))
        call.press("9")
        self.passes(0.1)
        call.press("91#")
        session = self.daemon.switchboard.find(call.sid)
        self.assertRaises(CallOver, session.transfer, Dial(PERSON))
        session.opt_out("tool")
        self.assert_opted_out(call, "key", "Never again.")

    def calls_another(self, key, confirmed):
        """In a flow that is called, and has another key, this one opts out, and that is said."""
        inner = flow({"in": [Pause(20)]}, "inner", opt_out=OptOut("7", (), Template.parse("Done.")), on_error="in")
        call = self.begins(Call("inner"), say("Back."), flows=[inner])
        call.press(key)
        self.passes(0.1)
        self.assert_opted_out(call, "key", confirmed)

    def test_of_the_first_flow(self):
        """A flow that is called has the key of the first one ..."""
        self.calls_another("9", "Never again.")

    def test_of_its_own(self):
        """... and may have another one of its own."""
        self.calls_another("7", "Done.")

    def test_at_a_menu_of_a_flow_that_is_called(self):
        """A menu there that has the key of the first flow takes it for itself."""
        inner = flow({"in": [Menu(PRESS, {"9": "nine"})], "nine": [say("Nine.")]}, "inner")
        call = self.begins(Call("inner"), flows=[inner])
        self.passes(1)
        call.press("9")
        self.passes(10)
        self.assertEqual(self.opted_out(), [])
        self.assert_heard(call, "Press.", "Nine.")

    def test_during_the_disclosure(self):
        """Not even what nobody may cut keeps anybody on the line; the agent never comes."""
        self.agent = ScriptedAgent(self.clock)
        told = flow({"start": [Agent("helper")]}, disclose=Template.parse("one two three"), opt_out=NINE)
        self.lives_in(told, agents={"helper": Colleague(self.agent)})
        call = self.ring()
        self.passes(0.3)
        call.press("9")
        self.passes(0.1)
        record = self.assert_opted_out(call, "key", "one twNever again.")
        self.assertFalse(record["disclosures"][0]["heard"])
        self.assertIsNone(self.agent.line)

    def test_called_by_us(self):
        """The human's number is the one that was called, where we have rung them."""
        self.lives_in(flow({"start": [Pause(20)]}, opt_out=NINE))
        call = self.calls_out(flow="test")
        self.passes(4)
        call.press("9")
        self.passes(10)
        self.assertEqual(self.opted_out(), [(PERSON, "key")])
        self.assert_ended(call, Ending.COMPLETED)

    def test_machine(self):
        """Somebody who presses the key is none, whatever the carrier says: they hear the confirmation."""
        nodes = {"start": [Pause(20)], "message": [say("A message.")]}
        self.lives_in(flow(nodes, opt_out=NINE, on_machine=OnMachine.LEAVE_MESSAGE, message="message"))
        self.carrier.person(PERSON, answered_by="machine", greeting=2.0, detected=0.5)
        call = self.calls_out(flow="test")
        self.passes(3.9)
        call.press("9")
        self.passes(20)
        self.assert_heard(call, "Never again.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_languages(self):
        """The confirmation is worded in the language of the call, and has its facts."""
        worded = Template.worded({"en": CONFIRM, "de": Template.parse("{call.party}: Nie wieder.")})
        self.lives_in(flow({"start": [Pause(20)]}, opt_out=OptOut("9", (), worded), language="de"))
        call = self.ring()
        call.press("9")
        self.passes(10)
        self.assert_heard(call, "+14155550100: Nie wieder.")

    def test_at_the_end(self):
        """A key while the call is about to end counts as well; the carrier says the confirmation."""
        call = self.begins(say("one two three four five"))
        self.daemon.drain()
        call.press("9")
        self.passes(0.1)
        self.assert_opted_out(call, "key", "one two three four five")
        self.assertEqual(call.said, ["Never again."])

    def test_while_we_apologise(self):
        """An apology is heard to its end; the confirmation follows."""
        call = self.begins(Call("nowhere"), apology="Sorry.")
        call.press("9")
        self.passes(0.1)
        self.assert_opted_out(call, "key", "Sorry.", "Never again.", ending=Ending.FAILED)

    def test_stubborn_step(self):
        """A step that fails when it is stopped leads nowhere else."""
        inner = flow({"in": [Deaf()], "sorry": [say("Sorry.")]}, "inner", on_error="sorry")
        call = self.begins(Call("inner"), flows=[inner], on_error="other")
        call.press("9")
        self.passes(0.1)
        self.assert_opted_out(call, "key", "Never again.")


class WordTests(OptingOut):
    def says(self, *lines, words=NINE):
        """A caller with an agent says this; gives the call."""
        call = self.begins(Agent("helper"), say("Next."), opt_out=words)
        for line in lines:
            self.agent.line.said(Who.CALLER, line)
        self.passes(0.1)
        return call

    def test_words(self):
        """Its words in what the caller says to an agent opt out; the agent is stopped."""
        call = self.says("Hello.", "Please STOP -- calling, me!")
        self.assert_opted_out(call, "word", "Never again.")
        self.assertEqual(self.agent.cancelled, 1)

    def test_other_words(self):
        """Others do not, and neither do parts of words, nor what the agent says itself."""
        call = self.says("I will stop by, keep calling", "Non-stop callings.")
        self.agent.line.said(Who.AGENT, "Shall we stop calling?")
        self.passes(0.1)
        self.assertEqual(self.opted_out(), [])
        call.hang_up()

    def test_own_ears(self):
        """What a step has heard by our own ears counts, too."""
        call = self.begins(Pause(20))
        session = self.daemon.switchboard.find(call.sid)
        self.assertFalse(session.heard_words("yes"))
        self.assertTrue(session.heard_words("take me off your list"))
        self.assert_opted_out(call, "word", "Never again.")

    def test_said_to_a_menu(self):
        """Whoever says so to a menu that hears words has not answered it wrongly."""
        wrong = Template.parse("Pardon?")
        asks = Menu(Template.parse("Yes?"), {"1": "other"}, words={"1": ["yes"]}, invalid=wrong, timeout=9)
        call = self.begins(asks, hearing=FakeHearing(self.clock, 0.1))
        self.passes(2)
        call.speak(spell("STOP CALLING ME"))
        self.passes(4)
        self.assert_opted_out(call, "word", "Yes?", "Never again.")

    def test_no_opt_out(self):
        """A flow that has none pays no heed."""
        call = self.says("stop calling", words=None)
        call.press("9")
        self.passes(0.1)
        self.assertEqual((self.opted_out(), self.agent.keys), ([], "9"))
        call.hang_up()


class ToolTests(OptingOut):
    def uses(self, **settings):
        """An agent uses the tool; gives the call and what it was answered."""
        call = self.begins(Agent("helper"), say("Next."), **settings)
        self.agent.says("Very well.")
        return call, self.successResultOf(self.agent.brief.tools.use("opt_out", {}))

    def test_tool(self):
        """The number is on the list at once; when the agent has ended the conversation, the confirmation follows."""
        call, result = self.uses()
        self.assertEqual(self.opted_out(), [(CALLER, "tool")])
        self.passes(2)
        self.agent.ends(result.leave.name)
        record = self.assert_opted_out(call, "tool", "Very well.", "Never again.")
        self.assertEqual(record["agents"][0]["outcome"], "opted_out")

    def test_hangs_up(self):
        """An agent that hangs up then does not take the confirmation away."""
        call, _ = self.uses()
        self.agent.ends("hung_up")
        self.assert_opted_out(call, "tool", "Very well.", "Never again.")

    def test_agent_goes_on(self):
        """An agent that does not end the conversation loses the line after ten seconds."""
        call, _ = self.uses()
        self.passes(5)
        self.agent.line.caller_active()
        self.passes(5.1)
        self.assert_opted_out(call, "tool", "Very well.", "Never again.")
        self.assertEqual(self.agent.cancelled, 1)

    def test_without_opt_out(self):
        """It works in a flow that has no `opt_out`, too, with a sentence of ours."""
        call, result = self.uses(opt_out=None)
        self.agent.ends(result.leave.name)
        self.assert_opted_out(call, "tool", "Very well.", "You will not be called again. Goodbye.")

    def test_after_the_call(self):
        """A tool that says so when nobody is on the line any more is heard all the same."""
        call = self.begins(Pause(20), on_hangup="other")
        session = self.daemon.switchboard.find(call.sid)
        call.hang_up()
        self.passes(0)
        session.opt_out("tool")
        self.passes(20)
        self.assertEqual(self.opted_out(), [(CALLER, "tool")])
        self.assert_ended(call, Ending.CALLER_HUNG_UP)


class TroubleTests(OptingOut):
    def test_voice_fails(self):
        """Where the voice cannot say it, the carrier does."""
        call = self.begins(Pause(20), voices={"test": Failing(self.voice, CONFIRM.source)})
        call.press("9")
        self.passes(0.1)
        self.assert_opted_out(call, "key", "Yo")
        self.assertEqual(call.said, ["Never again."])

    def test_hangs_up(self):
        """A caller who hangs up in the middle of the confirmation is on the list all the same."""
        call = self.begins(Pause(20))
        call.press("9")
        self.passes(0.3)
        call.hang_up()
        self.assert_opted_out(call, "key", "Never ", ending=Ending.CALLER_HUNG_UP)

    def test_hangs_up_at_once(self):
        """So is one who does so in the very moment."""
        call = self.begins(Agent("helper"))
        self.agent.line.said(Who.CALLER, "Stop calling!")
        call.hang_up()
        self.assert_opted_out(call, "word", ending=Ending.CALLER_HUNG_UP)

    def test_stream_lost(self):
        """Where the line is lost in the confirmation, it is said again, and the flow does not go on."""
        call = self.begins(Pause(20), say("Next."))
        call.press("9")
        self.passes(0.3)
        self.carrier.drop_stream(call)
        self.passes(30)
        self.assert_heard(call, "Never Never again.")
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["opted_out"]["how"], "key")

    def test_transfer_under_way(self):
        """Whom the flow was about to connect is not dialled."""
        call = self.begins(say("one two three"), Transfer(Template.parse("+14155550177")))
        call.press("9")
        self.passes(0.1)
        self.assert_opted_out(call, "key", "one twNever again.")
        self.assertEqual(call.dialed, [])

    def test_on_hangup(self):
        """What the flow does afterwards knows of it."""
        call = self.begins(Pause(20), on_hangup="after")
        call.press("9")
        self.passes(0.1)
        record = self.assert_opted_out(call, "key", "Never again.")
        self.assertEqual(record["facts"], {"how": "key"})

    def test_shown(self):
        """An API client sees it, in a live call and in one that is over."""
        call = self.begins(Pause(20))
        call.press("9")
        self.passes(0.1)
        for state in ("live", "ended"):
            asked = self.asks("GET", f"/calls/{call.sid}")
            self.passes(0)
            _, shown = self.successResultOf(asked)
            self.assertEqual((shown["state"], shown["opted_out"]["how"]), (state, "key"))
            self.passes(10)


class GuardedTests(OptingOut):
    """With the real guard and store."""

    def setUp(self):
        """A store in a file."""
        super().setUp()
        self.path, self.threads, self.store = Path(self.mktemp()), maybeDeferred, None
        self.begins_anew()

    def begins_anew(self):
        """The guard of a daemon that begins: it lets all of the United States be called."""
        if self.store is not None:
            self.successResultOf(self.store.close())
        self.store = open_store(self.path, lambda *work: self.threads(*work), self.clock)
        self.addCleanup(self.store.close)
        rules, counts = Outbound(allow=(Pattern.parse("US"),)), self.store.counts
        kept = {"opted_out": self.store.opted_out}
        real = Guard(rules, Inbound(), self.clock, counts, lambda refusal, attempt: None, **kept)
        self.guard.opt_out, self.guard.place = real.opt_out, real.place

    def opts_out(self):
        """A human who has called us opts out; gives their call, which is over."""
        call = self.begins(Pause(20))
        call.press("9")
        self.passes(20)
        return call

    def called(self):
        """What an API client is told who wants to call them."""
        asked = self.asks("POST", "/outbound-call", {"number": CALLER, "flow": "test"})
        self.passes(0)
        status, body = self.successResultOf(asked)
        return status, body.get("rule")

    def test_never_again(self):
        """Whoever has called us and opted out is not called, nor after a restart."""
        self.opts_out()
        self.assertEqual(self.called(), (403, "dnc"))
        self.begins_anew()
        self.assertEqual(self.called(), (403, "dnc"))
        self.assertEqual([each.number for each in self.store.opted_out.load()], [CALLER])

    def test_store_fails(self):
        """Where it cannot be written, the human hears the confirmation and is on the list; the log says so."""

        def full(*work):
            raise StoreError("the disk is full")

        self.addCleanup(setattr, self, "threads", maybeDeferred)
        self.threads = lambda *work: maybeDeferred(full)
        with capturedLogs() as logs:
            call = self.opts_out()
        self.assert_heard(call, "Never again.")
        self.assertEqual(len([event for event in logs if event["log_level"] is LogLevel.error]), 1)
        self.assertEqual(self.called(), (403, "dnc"))
