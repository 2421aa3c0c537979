"""The daemon rings its operator in trouble: whole calls, in a daemon that is made of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs
from zope.interface import implementer

from tests.files_house import FLOW, NUMBER, REGISTRY, SETTINGS, FilesHouse
from voiced.building import Building
from voiced.call.records import Ending
from voiced.errors import ConfigError, Fault, StoreError, SynthesisError
from voiced.ivoiced import Deliver, ITTSEngine, Tools, Utterance
from voiced.maker import Maker
from voiced.oncall import AGAIN, BETWEEN, LOOK_EVERY
from voiced.settings.load import Configuration, read
from voiced.settings.registry import Found, Registry
from voiced.simulator.call import SimulatedCall
from voiced.testing.fakes import SpellingVoice

OPERATOR, HUMAN = "+442079460123", "+14155550188"
ONCALL = (Path(__file__).parent.parent / "config/flows/oncall.yaml").read_text("utf-8")
TALK = FLOW.replace('"Second, {0}."', '"You are {{call.sid}}."')


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This module is the voice `mortal`."""


@implementer(ITTSEngine)
class Mortal(SpellingVoice):
    """Spells, until its vendor is dead."""

    dead: ClassVar[str] = ""
    """The kind of its trouble."""

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """See ITTSEngine."""
        if Mortal.dead:
            return fail(SynthesisError("the vendor does not answer", kind=Mortal.dead))
        return super().synthesize(utterance, deliver)


def make(settings: Settings, tools: Tools) -> Mortal:
    """A voice, new."""
    return Mortal(tools.reactor, pause=0.1)


MORTALS = Registry((*REGISTRY.found, Found(Maker("voice", "mortal", "A toy", __name__), __name__)))


class OnCallHouse(FilesHouse):
    """A daemon with an operator, whom nobody else may have it call."""

    def setUp(self) -> None:
        """It has just started; what can be spoken ahead is spoken."""
        self.patch(Mortal, "dead", "")
        super().setUp()
        self.successResultOf(self.building.drain())
        self.write("flows/oncall.yaml", ONCALL)
        self.write("flows/test.yaml", TALK.format("old"))
        self.settings()
        self.building = Building(self.read(), self.reactor, self.read)
        self.daemon = self.building.daemon
        self.network.forget("daemon")
        self.network.listen("daemon", self.site())
        self.carrier.person(OPERATOR, "answers", ring=2.0)
        self.building.warm_up()
        self.building.oncall.begin()
        self.passes(1)

    def site(self) -> Any:
        """What listens."""
        return self.daemon.site()

    def tearDown(self) -> None:
        """Nobody looks for trouble any more."""
        self.building.oncall.stop()
        super().tearDown()

    def settings(self, *edits: tuple[str, str]) -> None:
        """The settings, with the operator."""
        text = SETTINGS.replace("engine: spelling", "engine: mortal").replace("prerender: false", "")
        text += f'oncall: {{number: "{OPERATOR}", flow: oncall}}\nhuman: "{HUMAN}"\n'
        for old, new in edits:
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.write("voiced.yaml", text)

    def read(self) -> Configuration:
        """With the voice that may die."""
        return read(self.home / "voiced.yaml", {}, MORTALS)

    def dies(self, kind: str = "unreachable", calls: int = 3) -> None:
        """The voice's vendor is dead, and so many callers find that out."""
        self.patch(Mortal, "dead", kind)
        for _ in range(calls):
            self.ring()
            self.passes(4)

    @property
    def rung(self) -> list[SimulatedCall]:
        """The calls to the operator."""
        return list(self.carrier.placed)

    def told(self) -> SimulatedCall:
        """The one call to the operator, when they have heard the menu's beginning."""
        self.passes(15)
        (call,) = self.rung
        self.assertEqual(call.form()["To"], OPERATOR)
        return call


class TroubleTests(OnCallHouse):
    """What rings, and what is heard."""

    def test_voice(self) -> None:
        """The third failure of a voice rings, and the operator hears it by what is kept of that very voice."""
        self.dies(calls=2)
        self.assertEqual(self.rung, [])
        self.dies(calls=1)
        call = self.told()
        self.assertEqual(
            self.heard(call)[:2],
            ["This is your telephone service. Something is broken.", "A voice has failed several times in a row."],
        )

    def test_quota(self) -> None:
        """A quota rings at once."""
        self.dies("quota", calls=1)
        self.assertEqual(self.heard(self.told())[1], "A vendor's quota is used up.")

    def test_errors(self) -> None:
        """So do calls that end in `failed`, whatever it is that fails: here a text that gives no sound."""
        self.dies("silent", calls=10)
        self.assertEqual(self.heard(self.told())[1], "Many calls of the last ten minutes have failed.")

    def test_disk(self) -> None:
        """A full disk rings, though what the guard counts cannot be kept."""
        settled = self.building.guard.settled
        self.patch(self.building.guard, "settled", lambda: fail(StoreError("the disk is full")))
        self.patch(self.daemon.health, "troubles", lambda: ["disk"])
        self.passes(LOOK_EVERY)
        self.assertEqual(self.heard(self.told())[1], "The data directory cannot be written. Is the disk full?")
        self.rung[0].hang_up()
        self.passes(2 * BETWEEN)
        self.assertEqual(len(self.rung), 1)
        self.patch(self.building.guard, "settled", settled)

    def test_killed(self) -> None:
        """A daemon before this one that was killed under many calls rings, once somebody may be rung."""
        self.building.noticing.outlived(3)
        said = "The service was killed, or has crashed, under live calls. They go on."
        self.assertEqual(self.heard(self.told())[1], said)

    def test_once(self) -> None:
        """However many fail, there is one call in ten minutes, and its own silence is no trouble."""
        self.dies(calls=9)
        call = self.told()
        self.patch(Mortal, "dead", "quota")
        call.press("3")
        self.passes(30)
        self.assertEqual(len(self.rung), 1)
        record = "It ended after 5 seconds: failed. Its last step was say, in the node start."
        self.assertEqual(len(call.said), 1)
        self.assertIn("The voice anna has failed 3 times within 5 minutes, at last: unreachable.", call.said[0])
        self.assertIn(record, call.said[0])

    def test_not_taken(self) -> None:
        """Who does not take the call is rung again."""
        self.carrier.person(OPERATOR, "no-answer")
        self.dies()
        self.passes(BETWEEN + LOOK_EVERY)
        self.assertEqual(len(self.rung), 2)

    def test_no_network(self) -> None:
        """While Twilio cannot be reached it is tried again and again, also after six times, and then rings."""
        self.dies(calls=2)
        self.carrier.fail_rest(None, times=1000)
        self.dies(calls=1)
        self.passes(8 * BETWEEN)
        self.assertEqual(self.rung, [])
        self.carrier.ledger.faults.clear()
        self.passes(BETWEEN + LOOK_EVERY)
        self.assertEqual(len(self.rung), 1)

    def test_answer_lost(self) -> None:
        """A call of which Twilio's answer is lost is a call: who takes it knows."""
        self.carrier.lose_rest(times=20)
        self.dies()
        self.assertIn("A voice has failed several times in a row.", self.heard(self.told()))
        self.rung[0].hang_up()
        for _ in range(3):
            self.passes(BETWEEN)
        self.assertEqual(len(self.rung), 1)

    def test_set_later(self) -> None:
        """A reload that names an operator has them rung for what is still broken, and for nothing else."""
        named = f'oncall: {{number: "{OPERATOR}", flow: oncall}}'
        self.settings((named, ""))
        self.reloads()
        self.dies()
        self.patch(Mortal, "dead", "")
        self.ring()
        self.passes(8)
        self.settings()
        self.reloads()
        self.passes(LOOK_EVERY)
        self.assertEqual(self.rung, [])
        self.settings((named, ""))
        self.reloads()
        self.dies()
        self.settings()
        self.reloads()
        self.passes(LOOK_EVERY)
        self.assertEqual(len(self.rung), 1)

    def test_reserve(self) -> None:
        """The places that are kept for callers do not keep the operator from being rung."""
        self.full(4)
        self.assertEqual(len(self.rung), 1)

    def test_full(self) -> None:
        """Where there is no place at all, it is tried again in a minute."""
        self.full(3)
        self.assertEqual(self.rung, [])
        self.passes(AGAIN + LOOK_EVERY)
        self.assertEqual(len(self.rung), 1)

    def full(self, calls: int) -> None:
        """Three callers find out at once that the voice is dead, where there is room for so many."""
        self.settings(("flow: oncall}", f"flow: oncall}}\nlimits: {{calls: {calls}, reserve: 50}}"))
        self.reloads()
        self.patch(Mortal, "dead", "unreachable")
        for _ in range(3):
            self.ring()
        self.assertEqual(len(self.daemon.switchboard), 3)
        self.passes(4)

    def test_reloaded(self) -> None:
        """Who is rung is another after a reload, or nobody."""
        self.settings((f'oncall: {{number: "{OPERATOR}", flow: oncall}}', ""))
        self.reloads()
        self.dies()
        self.assertEqual(self.rung, [])


class KeyTests(OnCallHouse):
    """What the operator presses."""

    def setUp(self) -> None:
        """The operator is on the line, when a voice is dead."""
        super().setUp()
        self.dies()
        self.call = self.told()

    def presses(self, key: str) -> str:
        """The operator presses a key; what is heard from then on."""
        before = len("".join(self.heard(self.call)))
        self.call.press(key)
        self.passes(8)
        return "".join(self.heard(self.call))[before:]

    def test_human(self) -> None:
        """1: new calls go to the human, without a stream; 1 again: to their flows."""
        self.assertIn("Every new call is connected with the human now.", self.presses("1"))
        caller = self.ring()
        self.passes(5)
        self.assertEqual([each.numbers[0] for each in caller.dialed], [HUMAN])
        self.assertEqual(self.daemon.switchboard.endings[Ending.TRANSFERRED], 1)
        caller.hang_up()
        self.passes(5)
        self.assertIn("New calls have their flows again.", self.presses("1"))
        self.assertEqual(self.heard(self.ringing())[0], "First, old.")

    def ringing(self) -> SimulatedCall:
        """A caller, who has heard the first sentence."""
        caller = self.ring()
        self.passes(2)
        return caller

    def test_human_whom_the_guard_refuses(self) -> None:
        """Somebody who may not ring is not connected with the human either; the record says so."""
        self.presses("1")
        self.settings(
            (f'human: "{HUMAN}"', f'human: "{HUMAN}"\ninbound: {{anonymous: {{say: "Show your number."}}}}')
        )
        self.reloads()
        self.daemon.all_to_human()
        caller = self.carrier.ring(NUMBER, from_="anonymous")
        self.passes(10)
        self.assertEqual((caller.said, caller.dialed), (["Show your number."], []))
        self.assertEqual(self.daemon.switchboard.endings[Ending.REFUSED], 1)

    def test_human_until_reload(self) -> None:
        """A reload puts it off."""
        self.presses("1")
        self.reloads()
        self.assertFalse(self.daemon.program.all_to_human)

    def test_no_human(self) -> None:
        """Without a `human` that is said."""
        self.settings((f'human: "{HUMAN}"', ""))
        self.reloads()
        self.assertEqual(self.building.studio._operator.all_to_human(), "no_human")

    def test_flows(self) -> None:
        """2: new calls follow what was there before the last reload; once."""
        self.write("flows/test.yaml", TALK.format("new"))
        self.reloads()
        self.reloads()  # of the same files: what was before them is what was before
        self.assertIn("New calls follow the flows from before the last reload.", self.presses("2"))
        self.assertEqual(self.heard(self.ringing())[0], "First, old.")
        self.assertIn("There are no other flows since the start.", self.presses("2"))

    def test_flows_and_human(self) -> None:
        """Going back leaves the calls with the human."""
        self.write("flows/test.yaml", TALK.format("new"))
        self.reloads()
        self.presses("1")
        self.presses("2")
        self.assertTrue(self.daemon.program.all_to_human)

    def test_flows_that_cannot_be_had(self) -> None:
        """Flows that cannot be made any more are none, and the log says why."""
        self.settings(("voices: {anna: {engine: mortal}}", "voices: {anna: {engine: spelling}}"))
        self.reloads()

        def broken(configuration: Configuration) -> None:
            raise ConfigError([Fault("voiced.yaml", 1, 1, "no such voice here")])

        self.patch(self.building.studio, "make", broken)
        with capturedLogs() as logged:
            self.assertEqual(self.building.studio._operator.last_good_flows(), "none")
        self.assertIn("no such voice here", str([event.get("error") for event in logged]))

    def test_record(self) -> None:
        """3: with a voice that is well again, the record is spoken, and the menu comes back."""
        self.patch(Mortal, "dead", "")
        self.assertIn("It ended after 5 seconds: failed.", self.presses("3"))
        self.passes(20)
        self.assertFalse(self.call.over)
