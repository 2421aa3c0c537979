"""Scenarios, played: what a caller does and hears, who is played, what goes wrong, and what is said of it."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.rehearsals import FLOW, PROMPT, SETTINGS, Rehearsals
from voiced.agents import local
from voiced.errors import VoicedError
from voiced.rehearsal.acts import Act, HangsUp, Hears, Presses, Reaches, Says, Waits, Within
from voiced.rehearsal.agents import ScriptedAgent
from voiced.rehearsal.reading import Labels
from voiced.rehearsal.scenario import Expect, Scenario
from voiced.rehearsal.turns import AgentFails, AgentHears, AgentSays, AgentSees, HasOutcome, Turn
from voiced.testing.contracts import AgentContract

ACTS: list[Act] = [
    Hears("One for"),
    Hears("Thanks", within=0.3),
    Presses("1"),
    Presses("2"),
    Presses("3#*"),
    Says("STOP IT"),
    Says("a b"),
    Waits(0.7),
    Waits(3.0),
    Within(0.5),
    Reaches("message"),
    HangsUp(),
]
SCRIPT: tuple[Turn, ...] = (AgentSays("Hello."), AgentHears(), AgentSays("Bye."), HasOutcome("completed"))
TO_THE_AGENT = '{hears: "One for"}, {presses: "1"}'


class CallerTests(Rehearsals):
    """What the caller does and hears."""

    def test_hears(self) -> None:
        """Whoever speaks, in whichever letters, is heard word for word; a sound says which file it is."""
        went = self.plays("steps: [{hears: 'BUONGIORNO,  Bob: caffè!'}, {hears: '[sound jingle.ulaw]'}]")
        heard = [(each.voice, each.text, each.cut) for each in went.heard]
        greeting, sound = ("rachel", "Buongiorno, Bob: caffè!", False), ("", "[sound jingle.ulaw]", False)
        self.assertEqual(heard, [greeting, sound, ("rachel", PROMPT, False), ("spare", "Goodbye then.", False)])

    def test_performance(self) -> None:
        """How it went is a value: steps, ending, reason, seconds, facts."""
        went = self.plays('steps: [{hears: "Goodbye"}]', ending="completed", reason="nobody pressed")
        places = [f"greeting.{number}" for number in range(1, 7)]
        self.assertEqual([step.place for step in went.steps], places)
        self.assertEqual((went.flow, went.facts["party.name"]), ("restaurant", "Bob"))
        self.assertApproximates(went.seconds, 9.0, 1.0)
        self.assertEqual(went.place_at(5.0), "greeting.4")

    def test_presses(self) -> None:
        """A key goes to the flow, once what was expected before is heard."""
        self.plays(
            'steps: [{hears: "One for"}, {presses: "3"}, {reaches: owner.1}]\nexpect: {steps: [greeting, owner]}'
        )

    def test_in_order(self) -> None:
        """What is expected next is looked for behind what was heard last, also in the same sentence."""
        self.plays('steps: [{hears: "One for"}, {hears: "two for"}, {hears: "three for"}]')
        self.fails('steps: [{hears: "two for"}, {hears: "One for"}]', "hears 'One for': never")

    def test_expression(self) -> None:
        """A regular expression, and who has to say it."""
        self.plays("steps: [{hears: {matches: 'one .* owner', voice: rachel}}, {hears: {text: bye, voice: spare}}]")
        self.fails("steps: [{hears: {text: Goodbye, voice: rachel}}]", "hears 'Goodbye': never")

    def test_within(self) -> None:
        """A sentence has to begin in time; it may then take as long as it takes."""
        self.plays('steps: [{within: 0.2}, {hears: "Buongiorno"}, {hears: {text: "One for", within: 1.5}}]')
        self.fails('steps: [{within: 1}, {hears: "One for"}]', "hears 'One for': not within 1 s")
        self.fails("steps: [{reaches: {node: booking, within: 2}}]", "reaches booking: not within 2 s")

    def test_never_hears(self) -> None:
        """From the step on, and to the end of the call."""
        self.plays('steps: [{hears: "One for"}, {never hears: "Buongiorno"}]')
        why = "never hears 'goodbye', and heard 'Goodbye then.' at 8.24 s"
        self.fails('steps: [{never hears: "goodbye"}, {hears: "One for"}]', why)

    def test_hangs_up(self) -> None:
        """What was being said then was cut."""
        went = self.plays("steps: [{waits: 0.42}, hangs up]", ending="caller_hung_up")
        self.assertEqual([each.shown for each in went.heard], ["Buongior…"])

    def test_patience(self) -> None:
        """A caller who has nothing more to do waits for the end, and not for ever."""
        went = self.plays("patience: 2\nsteps: []", ending="caller_hung_up")
        self.assertApproximates(went.seconds, 2.0, 0.1)

    def test_interrupts(self) -> None:
        """CAPITALS are loud enough to interrupt; small letters are not."""
        went = self.plays('steps: [{waits: 0.4}, {says: "STOP RIGHT THERE"}, {hears: "[sound"}, hangs up]')
        self.assertTrue(went.heard[0].cut)
        went = self.plays('steps: [{waits: 0.4}, {says: "stop"}, {hears: "[sound"}, hangs up]')
        self.assertEqual((went.heard[0].text, went.heard[0].cut), ("Buongiorno, Bob: caffè!", False))

    def test_speaks_on(self) -> None:
        """What was paused for a cough, and went on, is one sentence, and was heard in full."""
        went = self.plays('steps: [{waits: 0.4}, {says: "UH"}, {hears: "[sound"}, hangs up]')
        self.assertEqual((went.heard[0].text, went.heard[0].cut), ("Buongiorno, Bob: caffè!", False))

    def test_acts_follow(self) -> None:
        """Who speaks does not press a key meanwhile."""
        went = self.plays('steps: [{hears: "One for"}, {says: "hm hm hm hm"}, {presses: "3"}]')
        speaks, presses = (each for each in went.sheet if each.what in ("speaks", "presses"))
        self.assertGreaterEqual(presses.time - speaks.time, 0.549)

    def test_after_the_end(self) -> None:
        """There is nothing to press when nobody is there."""
        why = "presses 1, but the call is over: completed"
        self.fails('steps: [{hears: Goodbye}, {waits: 2}, {presses: "1"}]', why)

    def test_anonymous(self) -> None:
        """Somebody may ring who shows no number."""
        self.plays("from: anonymous\nsteps: [{hears: dear guest}]\nexpect: {facts: {call.caller: anonymous}}")

    def test_not_there_any_more(self) -> None:
        """Whatever a caller does after the end, it is said what."""
        acts = {"{says: Hello?}": "says 'Hello?'", "{hears: {matches: x+}}": "hears what matches 'x+'"}
        for act, shown in acts.items():
            (failure,) = self.perform(self.read(f"scenario: it\nsteps: [hangs up, {act}]")).failures
            self.assertTrue(failure.message.startswith(shown), failure.message)

    @settings(deadline=None, max_examples=25)
    @given(some.lists(some.sampled_from(ACTS), max_size=8))
    def test_any_caller(self, steps: list[Act]) -> None:
        """Whatever a caller does, in whichever order, the call ends, and nothing is left of it."""
        went = self.perform(Scenario(scenario="it", steps=tuple(steps), patience=4, agents={"reception": SCRIPT}))
        self.assertTrue(went.ending)
        self.assertEqual([failure for failure in went.failures if not failure.step], [])

    def test_clock(self) -> None:
        """The call is at its time, by the clock of its place."""
        scenario = self.read('scenario: it\nat: "2026-11-24 18:30"\ntime_zone: America/New_York')
        self.assertEqual(scenario.moment, 1795563000)


class DialledTests(Rehearsals):
    """Who is called, and whom a call is transferred to."""

    def test_numbers(self) -> None:
        """A number that nobody answers is refused, by the carrier's own voice."""
        went = self.plays('ring: "+14155550177"\nsteps: [{hears: {text: "not in service", voice: carrier}}]')
        self.assertEqual(went.ending, "refused")

    def test_flow(self) -> None:
        """A flow may be rung, whatever number it has."""
        self.plays('flow: restaurant\nring: "+14155550177"\nsteps: [{hears: Bob}]')

    def test_transferred(self) -> None:
        """Somebody takes the call; then it is over, for the flow."""
        ways = 'desks: {"+14155550111": {as: answers, talks: 5}}\nsteps: [{hears: "One for"}, {presses: "3"}]'
        self.plays(ways + '\nexpect: {ending: transferred, transferred_to: "+1 415 555 0111"}')

    def test_not_transferred(self) -> None:
        """Nobody takes it."""
        for desk in ("busy", "no-answer", "failed"):
            steps = 'steps: [{hears: "One for"}, {presses: "3"}, {hears: "The owner is busy."}]'
            self.plays(f'desks: {{"+14155550111": {desk}}}\n{steps}', ending="completed")

    def test_we_call(self) -> None:
        """The call is placed as an API client would; its facts are there."""
        self.plays(
            'call: {number: "+14155550199", variables: {table: four}}\nsteps: [{hears: "dear guest"}]\n'
            "expect: {facts: {variables.table: four, call.direction: outbound}}"
        )

    def test_nobody(self) -> None:
        """What becomes of a call that nobody takes."""
        for does, ending in (("no-answer", "no_answer"), ("busy", "busy"), ("rejects", "busy"), ("failed", "failed")):
            self.plays(f'call: {{number: "+14155550199", as: {does}}}', ending=ending, heard=())
        self.plays('call: {number: "+14155550199", answered_by: machine}', ending="machine")

    def test_refused(self) -> None:
        """The guard is the real one, at the scenario's time."""
        at_night = 'at: "2026-11-24 23:30"\ntime_zone: America/New_York\ncall: {number: "+12125550199"}\n'
        went = self.plays(at_night + "expect: {refused: hours}")
        self.assertEqual([rule for rule, _ in went.refusals], ["hours"])
        (failure,) = self.perform(self.read("scenario: it\n" + at_night)).failures
        self.assertIn("the call was not placed: ", failure.message)
        why = "the guard was to refuse by the rule hours, and did not at all"
        self.fails("steps: [{hears: Bob}]\nexpect: {refused: hours}", why)

    def test_refused_with_steps(self) -> None:
        """What nobody was called for cannot have been heard: such a scenario does not pass."""
        at_night = 'at: "2026-11-24 23:30"\ntime_zone: America/New_York\ncall: {number: "+12125550199"}\n'
        steps = at_night + "steps: [{hears: What was never said}]\nexpect: {refused: hours}"
        (failure,) = self.perform(self.read("scenario: it\n" + steps)).failures
        self.assertRegex(failure.message, "^the call was not placed: .*its steps were never done: take `steps:` away")


class AgentTests(Rehearsals):
    """Scripted agents."""

    def test_conversation(self) -> None:
        """It says, hears, uses a tool of the scenario's and one of voiced's own."""
        went = self.plays(
            'tools: {book: "Booked."}\n'
            "agents:\n  reception: [says: Good evening?, hears: a table, {tool: {book: {people: 2}}}, "
            "says: Done., tool: hang_up]\n"
            f"steps: [{TO_THE_AGENT}, {{hears: {{text: evening, voice: reception}}}}, "
            "{says: 'A table for two, please.'}, {hears: Done}]\nexpect: {ending: agent_ended}"
        )
        said = [(line.agent, line.who, line.text) for line in went.transcript]
        caller = ("reception", "caller", "A table for two, please.")
        self.assertEqual(said, [("reception", "agent", "Good evening?"), caller, ("reception", "agent", "Done.")])

    def test_interrupted(self) -> None:
        """Who is interrupted goes on with the next turn; keys come too, and facts are left behind."""
        self.plays(
            "agents: {reception: [says: A very long story of this house and its owner., hears: STOP, says: Fine., "
            "sees: '5', {outcome: {name: handover, facts: {colour: red}}}]}\n"
            f"steps: [{TO_THE_AGENT}, {{waits: 0.8}}, {{says: PLEASE STOP NOW}}, {{hears: Fine}}, {{presses: '5'}}]\n"
            "expect: {facts: {agent.colour: red}, never_heard: ['house and its owner']}"
        )

    def test_transfers(self) -> None:
        """The tools that voiced brings do what they do."""
        self.plays(
            "agents: {reception: [says: Hold on., {tool: {transfer_call: {to: kitchen}}}]}\n"
            f'steps: [{TO_THE_AGENT}]\nexpect: {{ending: transferred, transferred_to: "+14155550111"}}'
        )

    def test_troubles(self) -> None:
        """It breaks, comes late, never comes, or says nothing more: the flow goes on."""
        ways = ("fails: its line broke", "waits: 1.9", "waits: 2.1", "stalls", "says: Hi., stalls")
        outcomes = ("failed", "completed", "failed", "failed", "caller_silent")
        for way, outcome in zip(ways, outcomes, strict=True):
            turns = ", ".join(f"{{{turn}}}" if ":" in turn else turn for turn in way.split(", "))
            self.plays(f"agents: {{reception: [{turns}]}}\nsteps: [{TO_THE_AGENT}, {{hears: So {outcome}}}]")

    def test_twice(self) -> None:
        """What stands behind an outcome is for the next conversation."""
        self.write("flows/restaurant.yaml", FLOW.replace('say: "So {agent.outcome}."', "goto: booking"))
        self.plays(
            "agents: {reception: [says: One., outcome: completed, says: Two., tool: hang_up]}\n"
            f"steps: [{TO_THE_AGENT}, {{hears: One.}}, {{hears: Two.}}]\nexpect: {{ending: agent_ended}}"
        )

    def test_no_script(self) -> None:
        """An agent that the scenario does not know of must not be reached."""
        why = "agent reception has no script: write what it does below `agents:`, `reception:`"
        went = self.fails(f"steps: [{TO_THE_AGENT}, {{hears: Nobody is free}}]", why)
        self.assertIn("Nobody is free.", [each.text for each in went.heard])

    def test_not_as_written(self) -> None:
        """It hears, sees or is asked something else: the scenario fails, and says so."""
        tools = {"juggle": "uses the tool juggle, which voiced.yaml does not give it"}
        answers = {"book: {people: 2}": 'tool book has no answer: write `tools: {book: "It is done."}`'}
        self.fails(
            f"agents: {{reception: [hears: a dog]}}\nsteps: [{TO_THE_AGENT}, {{says: a cat}}]",
            "agent reception waited to hear 'a dog', and the caller said 'a cat'",
        )
        self.fails(
            f"agents: {{reception: [sees: '5']}}\nsteps: [{TO_THE_AGENT}, {{waits: 0.1}}, {{presses: '6'}}]",
            "agent reception waited for the key 5, and the caller pressed 6",
        )
        for tool, why in tools.items():
            self.fails(f"agents: {{reception: [tool: {tool}]}}\nsteps: [{TO_THE_AGENT}]", f"agent reception {why}")
        for tool, why in answers.items():
            self.fails(f"agents: {{reception: [tool: {{{tool}}}]}}\nsteps: [{TO_THE_AGENT}]", why)


class WaitingTests(Rehearsals):
    """What the caller waits for, to do something in its moment."""

    def test_begins(self) -> None:
        """A sentence is waited for once, by its first words; how it went on is looked at in the end."""
        went = self.plays("steps: [begins, {begins: One for}, {begins: Goodbye}]")
        self.assertEqual(
            [went.heard[place].text.split()[0] for place in sorted(went.awaited)], ["Buongiorno,", "One", "Goodbye"]
        )
        self.fails("steps: [{begins: Arrivederci}]", "begins 'Arrivederci': never")
        why = "begins 'Buongiorno, Bob: tea', and it was 'Buongiorno, Bob: caffè!'"
        self.fails("steps: [{begins: 'Buongiorno, Bob: tea'}]", why)

    def test_after(self) -> None:
        """Something is done so long after what was waited for; a breath is not taken besides."""
        went = self.plays("steps: [{begins: Buongiorno}, {after: 0.42}, hangs up]", ending="caller_hung_up")
        self.assertApproximates(went.seconds, 0.42, 0.01)
        went = self.plays("steps: [{reaches: greeting.4}, {after: 1}, hangs up]", ending="caller_hung_up")
        self.assertApproximates(went.seconds - went.steps[-1].began, 1.0, 0.01)

    def test_comes(self) -> None:
        """What is behind the line is waited for, too, each of its kind once."""
        late = "faults: [{lookup: crm, late: 0.5}]\n"
        went = self.plays(f"{late}steps: [{{comes: lookup}}, {{after: 0.25}}, hangs up]", ending="caller_hung_up")
        self.assertApproximates(went.seconds, 0.75, 0.01)
        self.plays("steps: [{comes: {what: sentence over, times: 2}}, {hears: Goodbye}]")
        self.fails("steps: [{comes: lookup}, {comes: lookup}]", "comes lookup: never")
        self.fails("steps: [{comes: {what: agent, within: 2}}]", "comes agent: not within 2 s")

    def test_which_flow(self) -> None:
        """Of two flows with a node of one name, one can be meant."""
        self.plays("steps: [{reaches: restaurant/greeting.4}]\nexpect: {steps: [restaurant/greeting]}")

    def test_only(self) -> None:
        """Nothing else is walked or said than what is waited for, or expected."""
        all_ = "steps: [greeting], only: true"
        heard = 'hears: "caffè"}, {hears: "[sound"}, {hears: One for'
        self.plays(f"steps: [{{{heard}}}, {{hears: Goodbye}}]\nexpect: {{{all_}}}")
        self.plays(f"steps: [{{{heard}}}]\nexpect: {{{all_}, heard: [Goodbye]}}")
        why = "nothing else was to be heard, and was, at 8.24 s: 'Goodbye then.'"
        self.fails(f"steps: [{{{heard}}}]\nexpect: {{{all_}}}", why)
        why = "nothing else was to be done, and the flow came to owner.1 (transfer)"
        self.fails(f'steps: [{{{heard}}}, {{presses: "3"}}]\nexpect: {{{all_}}}', why)


class AnswersTests(Rehearsals):
    """Who is asked more than once may answer otherwise then."""

    def test_in_order(self) -> None:
        """Lookups, tools and dice answer one after the other, and then the last again."""
        scenario = self.read(
            "scenario: x\nlookups: {crm: [{name: Ann}, {}]}\ntools: {book: [Yes, No]}\nchance: [0, 0.9]"
        )
        self.assertEqual(scenario.lookup_answers("crm"), ({"name": "Ann"}, {}))
        self.assertEqual((scenario.tool_answers("book"), scenario.dice), (("Yes", "No"), (0.0, 0.9)))
        self.plays("lookups: {crm: [{name: Ann}, {}]}\nsteps: [{hears: Ann}]")
        turns = "agents: {reception: [{tool: {book: {people: 2}}}, {tool: {book: {people: 2}}}, says: Well.]}"
        self.plays(f"tools: {{book: [Done, No]}}\n{turns}\nsteps: [{TO_THE_AGENT}, {{hears: Well}}]")

    def test_sentence(self) -> None:
        """A sentence that no voice can say, whichever voice is asked; or that is late."""
        self.plays(
            'faults: [{sentence: "goodbye THEN.", fails: true}]\nsteps: [{hears: One for}]', ending="completed"
        )
        went = self.plays('faults: [{sentence: "Goodbye then.", late: 1}]\nsteps: [{hears: Goodbye}]')
        self.assertApproximates(went.heard[-1].began, 9.24, 0.01)


class FaultTests(Rehearsals):
    """What goes wrong on purpose."""

    def test_voice(self) -> None:
        """A voice fails from its second sentence on, and its fallback speaks; one that is late is late."""
        self.plays(
            "faults: [{voice: rachel, fails: true, from: 2}]\n"
            "steps: [{hears: {text: Bob, voice: rachel}}, {hears: {text: One for, voice: spare}}]"
        )
        self.fails(
            "faults: [{voice: rachel, late: 1, times: 1}]\nsteps: [{within: 0.9}, {hears: Bob}]",
            "hears 'Bob': not within 0.9 s",
        )

    def test_lookup(self) -> None:
        """The scenario's answer is given, or the table's own; one that fails leaves the flow without."""
        self.plays("lookups: {crm: {name: Ann}}\nsteps: [{hears: Ann}]")
        self.plays("faults: [{lookup: crm, fails: true}]\nsteps: [{hears: dear guest}]")
        self.plays("lookups: {crm: {name: Ann}}\nfaults: [{lookup: crm, late: 0.5}]\nsteps: [{hears: Ann}]")
        self.plays("lookups: {crm: {}}\nsteps: [{hears: dear guest}]")

    def test_tool(self) -> None:
        """A tool that fails, or takes its time."""
        turns = "agents: {reception: [{tool: {book: {people: 2}}}, says: Well.]}"
        for wrong in ("fails: true", "late: 3"):
            faults = f"faults: [{{tool: book, {wrong}}}]"
            self.plays(f'tools: {{book: "Done."}}\n{turns}\n{faults}\nsteps: [{TO_THE_AGENT}, {{hears: Well}}]')
        faults = "faults: [{tool: hang_up, fails: true}]"
        self.plays(
            f"agents: {{reception: [tool: hang_up]}}\n{faults}\nsteps: [{TO_THE_AGENT}, {{hears: So completed}}]"
        )

    def test_stream(self) -> None:
        """A stream that is lost is opened again, and the flow says it once more."""
        went = self.plays("faults: [{stream: lost, after: 0.5}]\nsteps: [{hears: Bob}, {hears: One for}]")
        self.assertEqual([each.shown for each in went.heard][:2], ["Buongiorno…", "Buongiorno, Bob: caffè!"])

    def test_webhooks(self) -> None:
        """A daemon that cannot be asked."""
        apology = "steps: [{hears: {text: application error, voice: carrier}}]"
        self.plays(f"faults: [{{webhooks: refused, times: 9}}]\n{apology}", ending="")
        self.plays("faults: [{webhooks: unanswered, after: 1}]\nsteps: [{hears: Goodbye}]")

    def test_ears(self) -> None:
        """Ears that fail do not hear who interrupts, until it is long enough."""
        steps = 'steps: [{waits: 0.3}, {says: "NO"}, {hears: "Bob: caffè!"}]'
        self.plays(f"faults: [{{hearing: fails}}]\n{steps}")


class ExpectTests(Rehearsals):
    """What is expected of the whole call."""

    def test_message(self) -> None:
        """Something was recorded."""
        steps = (
            'steps: [{hears: "One for"}, {presses: "2"}, {hears: "[beep]"}, {says: "Hi it is me"}, {hears: Thanks}]'
        )
        went = self.plays(steps + "\nexpect: {recorded: true, facts: {voicemail.ended_by: silence}}")
        self.assertEqual(len(went.recordings), 1)

    def test_unmet(self) -> None:
        """Each of them says what it was instead."""
        cases = {
            "ending: transferred": "the ending was to be transferred, and was completed (nobody pressed)",
            "reason: done": "the reason was to be 'done', and was 'nobody pressed'",
            "heard: [One for, Buongiorno]": "'Buongiorno' was to be heard after 'One for'",
            "never_heard: [goodbye]": "'goodbye' was never to be heard, and was, at 8.24 s: 'Goodbye then.'",
            "recorded: true": "something was to be recorded",
            "facts: {party.name: Ann}": "the fact party.name was to be 'Ann', and is 'Bob'",
            "facts: {shoe: '42'}": "the fact shoe was to be '42', and is not there",
            "transferred_to: '+14155550111'": "the caller was to be connected with +14155550111, and was with nobody",
            "steps: [greeting.4, greeting.2]": "the flow was to come to greeting.2, and went: "
            "greeting.1, greeting.2, greeting.3, greeting.4, greeting.5, greeting.6",
            "seconds: {below: 1}": "the call was to last less than 1 s, and lasted 9.00 s",
            "seconds: {above: 60}": "the call was to last more than 60 s, and lasted 9.00 s",
        }
        for expect, why in cases.items():
            self.fails(f"expect: {{{expect}}}", why)

    def test_met(self) -> None:
        """All of them."""
        self.plays(
            "expect: {ending: completed, reason: nobody pressed, heard: [Bob, One for, two for], never_heard: [Ann], "
            "steps: [greeting.2, greeting.4], seconds: {below: 60, above: 5}, recorded: false}"
        )

    def test_difference(self) -> None:
        """What was heard instead stands beside what was expected, with who said it, when, and where."""
        went = self.fails("steps: [{hears: One for the table}]", "hears 'One for the table': never")
        lines = went.failures[0].detail.splitlines()
        self.assertEqual(lines[:2], ["expected: One for the table", "heard:    One for a table,"])
        self.assertEqual(lines[2].strip(), "^      ^")
        self.assertIn("0.00 s  greeting.2     'Buongiorno, Bob: caffè!'  (rachel)", lines[4])
        self.assertEqual(lines[-1], "the flow 'restaurant' stood at greeting.6 (hangup); the call is over: completed")

    def test_built_in_code(self) -> None:
        """A scenario is a value: it can be made without a file."""
        scenario = Scenario(
            scenario="it", steps=(Hears("One for"), Presses("3")), expect=Expect(steps=("owner",)), desks={}
        )
        self.assertEqual(self.perform(scenario).failures, ())


class StageTests(Rehearsals):
    """What the stage is made of."""

    def test_nothing_is_shared(self) -> None:
        """One scenario after the other: none leaves anything behind for the next."""
        scenario = self.read("scenario: it\nsteps: [{hears: One for}]")
        first, second = self.perform(scenario), self.perform(scenario)
        self.assertEqual((first.heard, first.steps), (second.heard, second.steps))

    def test_leftovers(self) -> None:
        """A plugin that leaves a timer fails the scenario."""
        self.patch(ScriptedAgent, "converse", lambda agent, *_: agent._clock.callLater(900, int) and Deferred())
        (failure,) = self.perform(self.read(f"scenario: it\nsteps: [{TO_THE_AGENT}, {{hears: Nobody}}]")).failures
        self.assertIn("a timer is left: ", failure.message)

    def test_a_fault_in_the_log(self) -> None:
        """A plugin that breaks by a fault of its own fails the scenario."""
        self.patch(ScriptedAgent, "converse", lambda *_: 1 / 0)
        (failure,) = self.perform(self.read(f"scenario: it\nsteps: [{TO_THE_AGENT}, {{hears: Nobody}}]")).failures
        self.assertIn("the log has a traceback: ", failure.message)
        self.assertIn("ZeroDivisionError", failure.message)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_made_up(self) -> None:
        """What voiced.yaml needs and this machine has not is made up, and what is set is kept."""
        self.plays("steps: [{hears: Bob}]")
        self.write("voiced.yaml", SETTINGS.replace("data:", "") + 'apology: "${SORRY}"\nbusy: "${BUSY:-Busy.}"\n')
        self.plays("steps: [{hears: Bob}]")

    def test_addresses(self) -> None:
        """However the daemon is reached: behind a proxy that takes off a path, or on this machine only."""
        account = 'twilio: {account_sid: "${TWILIO_ACCOUNT_SID}", number: "+14155550123"}\n'
        insecure = "insecure: true\n" + account + SETTINGS.split("\n", 2)[2]
        for settings_ in (SETTINGS.replace("${SERVER_DOMAIN}", "${SERVER_DOMAIN}/phone"), insecure):
            self.write("voiced.yaml", settings_)
            self.plays("steps: [{hears: Bob}]")
            self.plays('call: {number: "+14155550199"}\nsteps: [{hears: guest}]')

    def test_two_accounts(self) -> None:
        """Each number is of its own account."""
        one, two = (
            f'{{account_sid: "${{{name}_ACCOUNT_SID}}", auth_token: t, number: "+1415555012{n}"}}'
            for n, name in ((3, "A"), (4, "B"))
        )
        self.write(
            "voiced.yaml",
            re.sub("twilio: .*", f"twilio:\n  a: {one}\n  b: {two}", SETTINGS).replace(
                "numbers: {", 'numbers: {"+14155550124": restaurant, '
            ),
        )
        for number, account in (("+14155550123", "a"), ("+1 (415) 555-0124", "b")):
            self.plays(f'ring: "{number}"\nsteps: [{{hears: Bob}}]\nexpect: {{facts: {{call.account: {account}}}}}')

    def test_language_model(self) -> None:
        """A local agent whose brain is elsewhere needs a script; one with rules does not."""
        chat = "{openai-chat: {base_url: 'https://llm.example/v1', model: m}}"
        for brain in (chat, "{rules: [{when: hello, say: Hello.}]}"):
            agent = f"reception: {{agent: local, brain: {brain}, first_message: Hi there.}}\n"
            self.write("voiced.yaml", re.sub(r"reception:\n(    .*\n)+", agent, SETTINGS))
            went = self.perform(self.read(f"scenario: it\nsteps: [{TO_THE_AGENT}, {{waits: 1}}, hangs up]"))
            complaints = [failure.message.partition(":")[0] for failure in went.failures]
            self.assertEqual(complaints, ["agent reception has no script"] if brain == chat else [])

    def test_plugin_that_cannot_be_made(self) -> None:
        """It is named, and the scenario fails."""
        agent = "reception: {agent: local, brain: {rules: [{when: hello, say: Hello.}]}}\n"
        self.write("voiced.yaml", re.sub(r"reception:\n(    .*\n)+", agent, SETTINGS))

        def cannot(*_: object) -> None:
            raise VoicedError("it needs a lamp")

        self.patch(local, "LocalAgent", cannot)
        (failure,) = self.perform(self.read("scenario: it")).failures
        self.assertRegex(failure.message, r"^it cannot be played: .*voiced\.yaml:\d+:\d+: it needs a lamp$")


class ScriptedAgentTests(AgentContract, SynchronousTestCase):
    """A scripted agent keeps the contract of every agent; each key of the caller's makes it go on."""

    def make_agent(self) -> ScriptedAgent:
        """It speaks after every key."""
        self.clock = Clock()
        self.complaints: list[str] = []
        self.script: list[Turn] = [AgentSees("1"), AgentSays("Hello.")] * 10
        scripts = [self.script, list(self.script)]
        return ScriptedAgent("it", scripts, Labels(), self.clock, self.complaints.append)

    def agent_speaks(self) -> None:
        """A key."""
        self.line.press("1")

    def agent_ends(self) -> None:
        """Nothing more stands in its script."""
        self.script.clear()
        self.line.press("1")

    def break_agent(self) -> None:
        """It fails next."""
        self.script[:] = [AgentFails("it broke")]
        self.line.press("1")
