"""What an operator looks at in the doubles: Twilio's account, numbers, alerts and events; an agent's settings."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_refusals import DICTIONARY
from tests.test_simulator_daemon import NUMBER
from tests.test_simulator_rest import RestTestCase
from voiced.simulator.account import Notice
from voiced.simulator.elevenlabs import AGENT_ID, API_KEY, ElevenLabs
from voiced.simulator.memory import MemoryNetwork, settle
from voiced.simulator.vendors.elevenlabs_dashboard import SWITCHES, shown
from voiced.twilio.refusals import MEANINGS
from voiced.twilio.remedies import FIXES, alert_meaning, fix

SPEC = Path(__file__).parents[2] / "shared/specs/elevenlabs.api.openapi.docs-2025-08.json"


class ConsoleTests(RestTestCase):
    """Twilio's side."""

    def test_numbers(self) -> None:
        """A number is found by its digits, and changed; what is no URL or method is refused."""
        status, found = self.answer("GET", "IncomingPhoneNumbers.json", query={"PhoneNumber": NUMBER})
        self.assertEqual((status, len(found["incoming_phone_numbers"])), (200, 1))
        sid = found["incoming_phone_numbers"][0]["sid"]
        path = f"IncomingPhoneNumbers/{sid}.json"
        status, changed = self.answer("POST", path, {"VoiceUrl": "https://a.test/b", "StatusCallback": ""})
        self.assertEqual((status, changed["voice_url"], changed["status_callback"]), (200, "https://a.test/b", ""))
        self.assertIsNone(self.carrier.account.numbers[NUMBER].status_url)
        for form in ({"VoiceUrl": "ftp://a.test"}, {"VoiceMethod": "PUT"}):
            self.assertEqual(self.answer("POST", path, form)[1]["code"], 20422)
        self.assertEqual(self.answer("POST", "IncomingPhoneNumbers/PN1.json", {})[0], 404)
        none = self.answer("GET", "IncomingPhoneNumbers.json", query={"PhoneNumber": "+1999"})[1]
        self.assertEqual(none["incoming_phone_numbers"], [])

    def test_unknown(self) -> None:
        """Events of nobody's call."""
        for part in ("Events", "Notifications"):
            self.assertEqual(self.answer("GET", f"Calls/CA1/{part}.json")[0], 404)

    def test_alerts(self) -> None:
        """Those of the time that is asked for, the newest first, of one level where that is wanted."""
        now = self.clock.seconds()
        self.carrier.account.notices += [Notice(1, now - 100), Notice(2, now - 50, level="warning"), Notice(3, now)]
        self.assertEqual(self.alerts(), ["3", "2", "1"])
        self.assertEqual(self.alerts(LogLevel="warning"), ["2"])
        self.assertEqual(self.alerts(StartDate="2999-01-01T00:00:00Z"), [])

    def alerts(self, **query: str) -> list[str]:
        """The codes of the alerts."""
        from base64 import b64encode

        credentials = b64encode(f"{self.account}:{self.carrier.account.auth_token}".encode()).decode()
        url, headers = "https://api.twilio.com/v1/Alerts", {"Authorization": f"Basic {credentials}"}
        asked = self.network.http().get(url, params=query, headers=headers)
        self.elapse(0)
        whole = self.successResultOf(self.successResultOf(asked).json())
        return [each["error_code"] for each in whole["alerts"]]


class DashboardTests(SynchronousTestCase):
    """ElevenLabs' side."""

    def setUp(self) -> None:
        """An account."""
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.double = ElevenLabs(self.clock)
        self.network.listen("api.elevenlabs.io", self.double.site())

    def ask(self, method: str, body: Any = None, agent: str = AGENT_ID, key: str = API_KEY) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        url = f"https://api.elevenlabs.io/v1/convai/agents/{agent}"
        data = None if body is None else json.dumps(body).encode()
        asked = self.network.http().request(method, url, headers={"xi-api-key": key}, data=data)
        settle(self.clock)
        response = self.successResultOf(asked)
        return response.code, self.successResultOf(response.json())

    def test_patched(self) -> None:
        """What is named is replaced, block by block; conversations are so from then on."""
        tts = {"agent_output_audio_format": "pcm_16000"}
        switches = {"conversation_config_override": {"tts": {"voice_id": True}}}
        patch = {"conversation_config": {"tts": tts}, "platform_settings": {"overrides": switches}}
        status, whole = self.ask("PATCH", patch)
        self.assertEqual((status, whole), self.ask("GET"))
        self.assertEqual(whole["conversation_config"]["tts"]["voice_id"], "a_voice")
        self.assertEqual((self.double.agent.output_format, list(self.double.agent.overrides)),
                         ("pcm_16000", ["tts.voice_id"]))  # fmt: skip

    def test_refused(self) -> None:
        """Formats and events that there are not, another key, another agent, and what is no object."""
        for config in ({"asr": {"user_input_audio_format": "mp3"}}, {"conversation": {"client_events": ["x"]}}):
            self.assertEqual(self.ask("PATCH", {"conversation_config": config})[0], 422)
        self.assertEqual(self.ask("PATCH", [])[0], 422)
        self.assertEqual((self.ask("GET", agent="agent_other")[0], self.ask("GET", key="x")[0]), (404, 401))

    def test_shape(self) -> None:
        """It is as the vendor's description has it."""
        if not SPEC.exists() or find_spec("jsonschema") is None:
            self.skipTest(f"{SPEC} is absent, or the package jsonschema")
        from jsonschema import Draft202012Validator

        whole = json.loads(SPEC.read_text("utf-8"))
        model = {"$ref": "#/components/schemas/GetAgentResponseModel", "components": whole["components"]}
        agents = (self.double.agent, evolve(self.double.agent, overrides=["agent", "tts"], public=True))
        for agent in agents:
            errors = Draft202012Validator(model).iter_errors(shown(AGENT_ID, agent))
            self.assertEqual([f"{each.json_path}: {each.message}" for each in errors], [])
        self.assertIn("tts.voice_id", SWITCHES)


class RemedyTests(SynchronousTestCase):
    """What to do about alerts."""

    def test_all(self) -> None:
        """Whatever webhooks and streams may meet has a fix of its own, in a line; every code has a meaning."""
        ours = [code for code in MEANINGS if 11000 <= code < 13000 or 31900 <= code < 32000]
        self.assertEqual([code for code in ours if code not in FIXES and code < 31940], [])
        for code in FIXES:
            self.assertNotIn("\n", fix(code))
            self.assertNotEqual(alert_meaning(code).sentence, "Twilio complains")
        self.assertIn("errors/5", fix(5))
        self.assertTrue(alert_meaning(5).alarm)

    def test_dictionary(self) -> None:
        """The codes are Twilio's."""
        if not DICTIONARY.exists():
            self.skipTest(f"{DICTIONARY} is absent")
        known = {entry["code"] for entry in json.loads(DICTIONARY.read_text("utf-8"))}
        self.assertEqual([code for code in FIXES if code not in known], [])
