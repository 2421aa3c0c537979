"""Agents that come back to a conversation whose daemon was killed: each vendor's is told what was said before."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests import test_agents_elevenlabs as elevenlabs
from tests import test_agents_openai as openai
from voiced.agents.dialects import briefing
from voiced.agents.talking.talk import Talk
from voiced.call.records import Said
from voiced.ivoiced import Brief

SO_FAR = (Said("agent", "Which day?", 1.0), Said("caller", "Monday.", 2.0), Said("agent", "At what…", 3.0))
BACK = Brief(so_far=SO_FAR)


class BackTests(SynchronousTestCase):
    """What is told, and said first."""

    def test_words(self):
        """Every line, and what the agent said last; nothing to an agent that begins."""
        self.assertIn("agent: Which day?\ncaller: Monday.\nagent: At what…\n", briefing.so_far(BACK))
        self.assertEqual(briefing.last_words(BACK), "At what")
        self.assertEqual((briefing.so_far(Brief()), briefing.last_words(Brief())), (None, None))
        self.assertIsNone(briefing.last_words(Brief(so_far=SO_FAR[1:2])))

    def test_openai(self):
        """The model is told in its instructions, and speaks first, whatever else its greeting would be."""
        back = openai.dialect(BACK, first_message="Hello.", prompt="Be kind.")
        (opening,) = back.opening()
        self.assertIn("caller: Monday.", json.loads(opening)["session"]["instructions"])
        _, greeting = back.receive(openai.wire(openai.UPDATED))
        self.assertEqual(json.loads(greeting.text), {"type": "response.create"})

    def test_elevenlabs(self):
        """The agent is told in a note, once; it says its last words again where a first message was allowed."""
        back = elevenlabs.dialect(BACK, first_message="Hello.")
        (opening,) = back.opening()
        self.assertEqual(json.loads(opening)["conversation_config_override"], {"agent": {"first_message": "At what"}})
        _, note = back.receive(elevenlabs.wire(elevenlabs.metadata()))
        elevenlabs.documented("received", json.loads(note.text))
        self.assertIn("caller: Monday.", json.loads(note.text)["text"])
        self.assertEqual(back.receive(elevenlabs.wire(elevenlabs.metadata())), [])

    def test_elevenlabs_unset(self):
        """Where no first message was set, none is: the agent may not allow it."""
        (opening,) = elevenlabs.dialect(BACK).opening()
        self.assertNotIn("conversation_config_override", json.loads(opening))

    def test_local(self):
        """A local agent remembers it as its own talk."""
        talk = Talk(None, BACK)
        self.assertEqual([line.heard for line in talk.lines], ["Which day?", "Monday.", "At what…"])
        self.assertEqual(talk.turns, 1)
