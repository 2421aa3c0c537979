"""Whole calls that go well, in memory: a carrier rings, the daemon answers, and we hear what the caller hears."""

from __future__ import annotations

from typing import Any

from twisted.logger import globalLogPublisher

from tests.house import NUMBER, House, flow, say
from voiced.call.audio import silence
from voiced.call.dialplan import DialPlan
from voiced.call.records import Ending
from voiced.call.steps.digits import Menu
from voiced.call.steps.routing import Goto, Hangup
from voiced.call.steps.speech import Pause, Play
from voiced.call.template import Template
from voiced.errors import SynthesisError
from voiced.simulator.line import Line
from voiced.speech.voice import Voice
from voiced.testing.fakes import SpellingVoice, spell

MENU = {
    "start": [say("Hello."), Menu(Template.parse("Press 1."), {"1": "one"}, timeout=3, retries=1, otherwise="none")],
    "one": [say("One.")],
    "none": [say("Bye.")],
}


class StaticTests(House):
    """Sentences, sounds and pauses."""

    def test_guide(self) -> None:
        """The caller hears the sentence, we hang up, and the record says completed."""
        self.lives_in(flow({"start": [say("Hello."), Hangup()]}))
        call = self.ring()
        self.passes(3)
        self.assert_heard(call, "Hello.")
        record = self.assert_ended(call, Ending.COMPLETED)
        verbs = [(step["verb"], step["result"]) for step in record["steps"]]
        self.assertEqual(verbs, [("say", "done"), ("hangup", "done")])

    def test_next_verb(self) -> None:
        """Where the carrier goes on with the next verb instead of `action`, the Redirect leads the same way."""
        self.carrier.after_close = "next"
        self.lives_in(flow({"start": [say("Hello.")]}))
        call = self.ring()
        self.passes(3)
        self.assert_ended(call, Ending.COMPLETED)

    def test_record(self) -> None:
        """The journal has one line for the beginning and one for the end, with what happened when."""
        self.lives_in(flow({"start": [say("Hello."), Pause(1.5), Goto("end")], "end": [say("Bye.")]}))
        call = self.ring()
        self.passes(5)
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([line["event"] for line in self.journal.lines], ["began", "ended"])
        self.assertEqual((record["caller"], record["called"]), ("+14•••••••00", "+14•••••••23"))
        self.assertEqual([step["verb"] for step in record["steps"]], ["say", "pause", "goto", "say"])
        self.assertEqual(record["steps"][2]["result"], "done -> end")
        self.assertEqual(record["first_audio_ms"], 0.0)
        self.assertEqual(record["account"], "main")

    def test_log(self) -> None:
        """Every event that is logged during a call says which call it is about."""
        events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.voice.fail_with = SynthesisError("the vendor is down")
        voice = Voice(self.voice, self.clock, SpellingVoice())
        self.lives_in(flow(MENU), voices={"test": voice})
        call = self.ring()
        self.passes(2)
        call.press("1")
        self.passes(5)
        ours = [
            event
            for event in events
            if event["log_namespace"].startswith(("voiced.call", "voiced.speech", "voiced.d"))
        ]
        self.assertGreater(len(ours), 8)
        self.assertEqual({event.get("call") for event in ours}, {call.sid})

    def test_play(self) -> None:
        """A sound is played as it is, filled up to whole frames."""
        tune = spell("tune") + b"\x11" * 50
        self.lives_in(flow({"start": [Play("tune.ulaw")]}, sounds={"tune.ulaw": tune}))
        call = self.ring()
        self.passes(2)
        self.assertIn(tune.ljust(1760, silence(1)[:1]), call.heard)
        self.assert_ended(call, Ending.COMPLETED)

    def test_facts(self) -> None:
        """A text is filled with what is known of the call."""
        self.lives_in(flow({"start": [say("You are {call.caller|nobody}.")]}))
        call = self.ring(from_="client:ann")
        self.passes(3)
        self.assert_heard(call, "You are client:ann.")

    def test_strange_callers(self) -> None:
        """SIP and client addresses, `anonymous` and nobody at all are callers like any other."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        callers = ("sip:ann@example.com", "client:ann", "anonymous", "", "+266696687")
        calls = [self.ring(from_=caller) for caller in callers]
        self.passes(3)
        for call in calls:
            self.assert_heard(call, "Hi.")
            self.assert_ended(call, Ending.COMPLETED)

    def test_dial_plan(self) -> None:
        """The called number picks the flow: exact, by prefix, and by default."""
        flows = [flow({"start": [say(name)]}, name=name) for name in ("exact", "london", "other")]
        plan = DialPlan({NUMBER: "exact", "+44*": "london", "default": "other"})
        self.lives_in(*flows, dial_plan=plan)
        heard = {NUMBER: "exact", "+442071838750": "london", "sip:line@pbx.example": "other"}
        for number, name in heard.items():
            self.carrier.number(number, "/call/incoming")
            call = self.ring(number)
            self.passes(3)
            self.assert_heard(call, name)

    def test_bad_line(self) -> None:
        """A line with bursts, gaps, noise, echo and clipped onsets harms nothing; lost frames are counted."""
        self.lives_in(flow(MENU))
        call = self.ring(line=Line(7, bursts=0.2, gaps=0.05, noise=-48.0, echo=-34.0, clip=True))
        self.passes(2)
        call.press("1")
        self.passes(5)
        self.assertIn("One.", self.read(call))
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertGreater(min(record["missing"].values()), 0)

    def test_many_at_once(self) -> None:
        """Calls do not notice each other."""
        self.lives_in(flow({"start": [say("I am {call.party}.")]}))
        calls = {f"+1415555{n:04}": self.ring(from_=f"+1415555{n:04}") for n in range(20)}
        self.passes(3)
        for caller, call in calls.items():
            self.assert_heard(call, f"I am {caller}.")
            self.assert_ended(call, Ending.COMPLETED)


class MenuTests(House):
    """Keys."""

    def setUp(self) -> None:
        """A house with a menu."""
        super().setUp()
        self.lives_in(flow(MENU))
        self.call = self.ring()

    def test_key(self) -> None:
        """A key after the prompt leads to its node."""
        self.passes(2)
        self.call.press("1")
        self.passes(2)
        self.assert_heard(self.call, "Hello.", "Press 1.", "One.")
        record = self.assert_ended(self.call, Ending.COMPLETED)
        self.assertEqual(record["steps"][1]["result"], "key 1 -> one")

    def test_key_cuts_prompt(self) -> None:
        """A key during the prompt silences it at once and is taken as the answer."""
        self.passes(0.7)
        self.call.press("1")
        self.passes(2)
        self.assert_heard(self.call, "Hello.", "Press One.")

    def test_type_ahead(self) -> None:
        """A key during the sentence before cuts that, is kept for the menu, and the menu does not ask."""
        self.passes(0.15)
        self.call.press("1")
        self.passes(2)
        self.assert_heard(self.call, "HelOne.")

    def test_silence(self) -> None:
        """A caller who presses nothing is asked again, and then taken to `otherwise`."""
        self.passes(12)
        self.assert_heard(self.call, "Hello.", "Press 1.", "Press 1.", "Bye.")

    def test_wrong_key(self) -> None:
        """A key that leads nowhere counts as a try."""
        self.passes(1.5)
        self.call.press("9")
        self.passes(2)
        self.call.press("8")
        self.passes(2)
        self.assert_heard(self.call, "Hello.", "Press 1.", "Press 1.", "Bye.")


class InterruptionTests(House):
    """What a key may cut, and what the caller has heard of it."""

    def test_not_interruptible(self) -> None:
        """What the law wants heard is heard, and the key is kept all the same."""
        nodes = {**MENU, "start": [say("Listen to me.", interruptible=False), MENU["start"][1]]}
        self.lives_in(flow(nodes))
        call = self.ring()
        self.passes(0.1)
        call.press("1")
        self.passes(3)
        self.assert_heard(call, "Listen to me.", "One.")

    def test_play_is_cut(self) -> None:
        """A key cuts a sound, too."""
        self.lives_in(flow({"start": [Play("tune"), say("Yes.")]}, sounds={"tune": spell("la") * 20}))
        call = self.ring()
        self.passes(0.5)
        call.press("5")
        self.passes(2)
        self.assert_heard(call, "la" * 5 + "Yes.")

    def test_many_keys(self) -> None:
        """A caller who leans on the keys cuts all that may be cut, and the call comes to its end."""
        self.lives_in(flow({"start": [say("A long sentence about nothing."), say("Another one, as long.")]}))
        call = self.ring()
        for _ in range(100):
            call.press("#")
        self.passes(5)
        self.assert_heard(call)
        self.assert_ended(call, Ending.COMPLETED)

    def test_heard_to_60_ms(self) -> None:
        """What we believe was heard is within 60 ms of what the carrier has played, at any moment."""
        self.lives_in(flow({"start": [say("A sentence that takes a while to be spoken.")]}))
        call = self.ring()
        session = self.daemon.switchboard.find(call.sid)
        for _ in range(100):
            self.passes(0.0173)
            believed, played = session._speaker.position(), call.stream.player.position
            self.assertLessEqual(abs(believed - played), 480)
