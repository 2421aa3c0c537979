"""Whole calls with an agent behind a vendor's socket: what is the same for every vendor."""

from urllib.parse import urlsplit

import attrs
from twisted.logger import formatEvent, globalLogPublisher

from tests.house import House, flow, say
from voiced.call.privacy import Privacy
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent
from voiced.call.steps.routing import Choose
from voiced.call.template import Template
from voiced.testing.fakes import FakeTools, spell

PAUSE = b"\xff" * 800
SECRET_PROMPT = "You are a spy."
"""What a test has an agent told that nobody may read in the log."""


class VendorCalls(House):
    """A flow that hands over to a vendor's agent and says how it went.

    A test case names the vendor's `host` and what of it is `secret`, has its double in `self.vendor`, and says what
    its `talks` are and how an agent is made. Nothing that is secret is in any line of any test's log.
    """

    host = ""
    secrets = ()
    own_ears = None
    """Ours, where `barge_in: local`."""

    def setUp(self):
        """Every line of the log is read."""
        super().setUp()
        self.log = []
        globalLogPublisher.addObserver(self.log.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.log.append)

    def tearDown(self):
        """No session is left open at the vendor, no connection, and nothing secret in the log."""
        super().tearDown()
        self.assertEqual([talk.id for talk in self.talks if talk.closed is None], [])
        self.assertEqual(self.network.connections(self.host), [])
        for line in (formatEvent(event) or "" for event in self.log):
            self.assertEqual([secret for secret in (*self.secrets, SECRET_PROMPT) if secret in line], [], line)

    @property
    def talks(self):
        """The conversations, as the vendor has them."""
        raise AssertionError("which ones?")

    @property
    def talk(self):
        """The last of them."""
        return self.talks[-1]

    def agent(self, **settings):
        """The agent as voiced.yaml has it."""
        raise AssertionError("whose?")

    @property
    def equipment(self):
        """What the daemon gives a plugin."""
        return attrs.evolve(
            FakeTools(self.clock, http=self.network.http()),
            endpoint=lambda url: self.network.endpoint(urlsplit(url).hostname),
        )

    def calls(self, *script, settings=None, privacy=Privacy.OPEN, tools=None, **step):
        """A caller is connected with the agent, which does as the script says; the greeting has begun."""
        barge_in = "auto" if self.own_ears is None else "local"
        colleague = Colleague(self.agent(**settings or {}), tools or {}, barge_in)
        self.vendor.expect(*script)
        step = {"fallback": Template.parse("Nobody.")} | step
        nodes = {"start": [say("Hi."), Agent("sales", **step), Choose("agent.outcome", {"failed": "sorry"}, "bye")],
                 "sorry": [say("Sorry.")], "bye": [say("Bye.")]}  # fmt: skip
        self.lives_in(flow(nodes), agents={"sales": colleague}, privacy=privacy, hearing=self.own_ears)
        call = self.ring()
        self.passes(0.5)
        return call

    def ends_with(self, call, ending, *heard):
        """The call has ended so, and the caller has heard this; gives what the record says of the agent."""
        self.passes(60)
        self.assert_heard(call, *heard)
        return self.assert_ended(call, ending)["agents"][0]

    def said(self, agent):
        """The transcript of a record."""
        return [(line["who"], line["text"]) for line in agent["transcript"]]

    def fails(self, call, *words, heard=()):
        """The conversation fails, and these words are for the operator."""
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", *heard, "Nobody.", "Sorry.")
        self.assertEqual(agent["outcome"], "failed")
        for word in words:
            self.assertIn(word, agent["error"])
        return agent

    def assert_filled_within(self, call, seconds):
        """The caller hears nothing for no longer than that after the greeting."""
        greeting = len(spell("Hi.") + PAUSE)
        self.assertLess(call.heard.index(spell("Nobody")), greeting + seconds * 8000)
