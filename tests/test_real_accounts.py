"""Real accounts: one short conversation with each vendor, where the keys for it are in the environment.

    ELEVENLABS_API_KEY=… ELEVENLABS_AGENT_ID=… OPENAI_API_KEY=… python -m twisted.trial tests.test_real_accounts

They cost a few cents. No key is ever printed.
"""

import os
from pathlib import Path

import attrs
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.client import Agent

from voiced.agents import elevenlabs, openai
from voiced.call.audio import FRAME, SILENCE, silence
from voiced.ivoiced import Brief
from voiced.secret import Secret
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_line import FakeLine
from voiced.tools import real_tools

READY_SECONDS = 5.0
GREETING_SECONDS = 10.0


def key(*names):
    """What stands in the environment under these names; without them the test is skipped."""
    if missing := [name for name in names if not os.environ.get(name)]:
        raise SkipTest(f"needs a real account: {', '.join(missing)} is not set")
    return [os.environ[name] for name in names]


class RealAccountTestCase(TestCase):
    """A caller who says nothing, on the real reactor."""

    timeout = 30

    def setUp(self):
        """The daemon's own tools; every socket is seen to its end."""
        self.sockets = []
        tools = real_tools(reactor, HTTPClient(Agent(reactor)), None, Path(self.mktemp()), None)
        self.tools = attrs.evolve(tools, endpoint=lambda url: Watched(tools.endpoint(url), self.sockets))

    async def until(self, what, happens, seconds):
        """Wait until it happens; the test fails when it does not within so many seconds."""
        looking = LoopingCall(lambda: happens() and looking.stop())
        looked = looking.start(0.02).addTimeout(
            seconds, reactor, lambda *_: self.fail(f"{what} within {seconds:g} s")
        )
        try:
            await looked
        finally:
            if looking.running:
                looking.stop()

    async def talk(self, agent, brief):
        """The agent is there, greets, and is stopped in its word."""
        line = FakeLine(reactor)
        talking = agent.converse(line, FakeCall(), brief)
        ended = []
        talking.addBoth(ended.append)
        speaking = LoopingCall(line.caller_says, silence(FRAME / 8000))
        speaking.start(FRAME / 8000)
        try:
            await self.until("no agent", lambda: line.is_ready or ended, READY_SECONDS)
            await self.until("no greeting", lambda: line.heard.strip(SILENCE) or ended, GREETING_SECONDS)
            self.assertEqual([str(end) for end in ended], [])
        finally:
            speaking.stop()
            line.clear()
            talking.cancel()
            for closed in self.sockets:
                await closed
        ended[0].trap(CancelledError)
        self.assertEqual(line.after_the_end, 0)

    def test_elevenlabs(self):
        """An agent of ElevenLabs, by a signed URL."""
        api_key, agent_id = key("ELEVENLABS_API_KEY", "ELEVENLABS_AGENT_ID")
        agent = elevenlabs.make(elevenlabs.Settings(agent_id=agent_id, api_key=Secret(api_key)), self.tools)
        return Deferred.fromCoroutine(self.talk(agent, Brief()))

    def test_openai(self):
        """A realtime model of OpenAI's."""
        [api_key] = key("OPENAI_API_KEY")
        agent = openai.make(openai.Settings(Secret(api_key)), self.tools)
        return Deferred.fromCoroutine(self.talk(agent, Brief(first_message="Good day.")))


@attrs.frozen
class Watched:
    """An endpoint that remembers when its connections have ended."""

    endpoint: object
    closed: list

    def connect(self, factory):
        """See IStreamClientEndpoint."""
        return self.endpoint.connect(factory).addCallback(self.connected)

    def connected(self, protocol):
        """Autobahn tells when it is closed."""
        self.closed.append(protocol.is_closed)
        return protocol
