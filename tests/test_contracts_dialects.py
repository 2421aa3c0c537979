"""The dialects of both vendors keep the contract of dialects."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests import test_agents_elevenlabs, test_agents_openai
from voiced.testing.contracts import AgentDialectContract


class ElevenLabsContract(AgentDialectContract, SynchronousTestCase):
    """ElevenLabs."""

    ready = (json.dumps(test_agents_elevenlabs.metadata()),)
    speaks = (json.dumps(test_agents_elevenlabs.audio(1)), json.dumps(test_agents_elevenlabs.audio(2)))

    def make_dialect(self):
        """A conversation with a private agent."""
        return test_agents_elevenlabs.dialect()


class OpenAIContract(AgentDialectContract, SynchronousTestCase):
    """OpenAI."""

    ready = (json.dumps(test_agents_openai.UPDATED),)
    speaks = (json.dumps(test_agents_openai.created()), json.dumps(test_agents_openai.delta()))

    def make_dialect(self):
        """A conversation with a model."""
        return test_agents_openai.dialect()
