"""ElevenLabs' own Python package holds a conversation with its double, over a real port: neither knows the other."""

import json
import os
import threading

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SkipTest, TestCase

from tests.agent_schema import documented
from voiced.simulator.elevenlabs import AGENT_ID, API_KEY, Agent, ElevenLabs
from voiced.simulator.memory import tell_autobahn
from voiced.simulator.vendors.agent_audio import from_mulaw, spell, to_mulaw
from voiced.simulator.vendors.elevenlabs_messages import audio
from voiced.simulator.vendors.elevenlabs_script import (
    AwaitsSpeech,
    CallsTool,
    Corrects,
    Ends,
    Hears,
    Interrupts,
    Pings,
    Says,
    Sends,
)

try:
    import httpx
    from elevenlabs.client import ElevenLabs as Package
    from elevenlabs.conversational_ai.conversation import AudioInterface, ClientTools, Conversation
except ImportError:
    AudioInterface = object
    Package = None

SPEECH = from_mulaw(b"\x10" * 2000 + b"\xff" * 6000, "pcm_16000")
SCRIPT = [
    Says("Hello."),
    AwaitsSpeech(),
    Hears("And the weather?"),
    Pings(40),
    Says("In which"),
    Interrupts(),
    Corrects("In which", "In"),
    Sends(json.dumps(audio(b"\0" * 320, 2))),
    CallsTool("weather", {"city": "Bonn"}),
    Says("Bye."),
    Ends(),
]


class Telephone(AudioInterface):
    """A caller who answers when spoken to."""

    def __init__(self):
        self.notes = []

    def start(self, input_callback):
        self.say = input_callback

    def stop(self):
        self.notes.append("stop")

    def output(self, audio):
        if not self.notes:
            self.say(SPEECH)
        self.notes.append(to_mulaw(audio, "pcm_16000"))

    def interrupt(self):
        self.notes.append("interrupt")


class PackageTests(TestCase):
    timeout = 10

    def setUp(self):
        if Package is None:
            raise SkipTest("the elevenlabs package is not here")
        direct = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self.patch(os, "environ", direct)
        # Autobahn's time limits on a clock that stands still: cancelled ones stay on the reactor for a while.
        self.addCleanup(tell_autobahn(Clock()))
        self.before = set(threading.enumerate())
        self.double = ElevenLabs(reactor, check=documented)
        self.double.agent = Agent(input_format="pcm_16000", output_format="pcm_16000")
        self.port = reactor.listenTCP(0, self.double.site(), interface="127.0.0.1")
        self.addCleanup(self.port.stopListening)
        self.pool = ThreadPool(1, 1)
        self.pool.start()
        self.addCleanup(self.no_threads)
        self.addCleanup(lambda: [talk.drops() for talk in self.double.conversations if talk.closed is None])

    def no_threads(self):
        self.pool.stop()
        for thread in set(threading.enumerate()) - self.before:
            thread.join(2)
        self.assertEqual(set(threading.enumerate()) - self.before, set())

    def converse(self, telephone, heard):
        """In a thread: a conversation as the package's documentation has it, until it ends."""
        tools = ClientTools()
        tools.register("weather", lambda parameters: f"rain in {parameters['city']}")
        with httpx.Client(headers={"Connection": "close"}) as http:
            package = Package(
                api_key=API_KEY, base_url=f"http://127.0.0.1:{self.port.getHost().port}", httpx_client=http
            )
            conversation = Conversation(
                package,
                AGENT_ID,
                requires_auth=True,
                audio_interface=telephone,
                client_tools=tools,
                callback_agent_response=lambda text: heard.append(("agent", text)),
                callback_agent_response_correction=lambda was, text: heard.append((was, text)),
                callback_user_transcript=lambda text: heard.append(("user", text)),
                callback_latency_measurement=lambda ms: heard.append(("ping", ms)),
                callback_disconnect=lambda details: heard.append((details.reason, details.close_code)),
            )
            conversation.start_session()
            return conversation.wait_for_session_end()

    async def hold(self, telephone, heard):
        self.double.expect(*SCRIPT)
        conversation_id = await deferToThreadPool(reactor, self.pool, self.converse, telephone, heard)
        talk = self.double.conversations[0]
        self.assertEqual((await talk.when_closed()).code, 1000)
        self.assertEqual(conversation_id, talk.id)
        return talk

    async def check_conversation(self):
        telephone, heard = Telephone(), []
        talk = await self.hold(telephone, heard)
        said = [("agent", "Hello."), ("user", "And the weather?"), ("ping", 40), ("agent", "In which")]
        self.assertEqual(heard, [*said, ("In which", "In"), ("agent", "Bye."), ("agent", 1000)])
        spoken = [spell("Hello."), spell("In which"), "interrupt", spell("Bye."), "stop"]
        self.assertEqual(telephone.notes, spoken)
        self.assertEqual((bytes(talk.audio), talk.bad), (SPEECH, None))
        self.assertEqual([(one.result, one.is_error) for one in talk.tool_results], [("rain in Bonn", False)])
        self.assertEqual((len(talk.pongs), talk.initiation["source_info"]["source"]), (1, "python_sdk"))

    def test_conversation(self):
        """Signed URL, audio both ways, ping, interruption, correction, a tool, and the agent's goodbye."""
        return Deferred.fromCoroutine(self.check_conversation())
