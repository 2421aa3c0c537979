"""A small restaurant for the tests of scenarios: settings, a flow, a sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from voiced.rehearsal import scenariofile
from voiced.rehearsal.performance import Performance
from voiced.rehearsal.rehearse import configured, perform
from voiced.rehearsal.scenario import Scenario
from voiced.settings import plainyaml

SETTINGS = """\
public_url: "https://${SERVER_DOMAIN}"
twilio: {account_sid: "${TWILIO_ACCOUNT_SID}", auth_token: "${file:secrets/token}", number: "+14155550123"}
voices:
  rachel: {engine: elevenlabs, voice: abcd, api_key: "${ELEVENLABS_API_KEY}", fallback: spare}
  spare: {engine: local}
voice: rachel
agents:
  reception:
    agent: elevenlabs
    agent_id: "${ELEVENLABS_AGENT_ID}"
    api_key: "${credential:eleven}"
    tools: [hang_up, transfer_call, book]
tools:
  transfer_call: {tool: transfer_call, to: {kitchen: "+14155550111"}}
  book:
    tool: http
    description: Books a table.
    url: "https://api.example.com/book/{people}"
    parameters: {people: {description: how many}}
lookups:
  crm: {lookup: table, callers: {"+14155550100": {name: Bob}}}
numbers: {"+14155550123": restaurant}
outbound: {flow: restaurant, allow: [US], hours: {mon-fri: "9:00-20:00"}}
api: {keys: ["${VOICED_API_KEY}"]}
"""
FLOW = """\
flow: restaurant
start: greeting
on_error: sorry
on_machine: hangup
nodes:
  greeting:
    - lookup: crm
    - say: {text: "Buongiorno, {party.name|dear guest}: caffè!", barge_in: speech}
    - play: jingle.ulaw
    - menu:
        prompt: "One for a table, two for a message, three for the owner."
        keys: {"1": booking, "2": message, "3": owner}
        retries: 0
        timeout: 3
    - say: {text: "Goodbye then.", voice: spare}
    - hangup: nobody pressed
  booking:
    - agent: {use: reception, fallback: "Nobody is free."}
    - say: "So {agent.outcome}."
  message:
    - voicemail: {silence: 2, transcribe: true}
    - say: "Thanks."
  owner:
    - transfer: {to: "+14155550111", fallback: "The owner is busy."}
  sorry:
    - say: "Sorry."
"""
PROMPT = "One for a table, two for a message, three for the owner."


class Rehearsals(SynchronousTestCase):
    """Test cases that play scenarios in that restaurant."""

    def setUp(self) -> None:
        """Its files."""
        self.directory = Path(self.mktemp()).absolute()
        self.write("voiced.yaml", SETTINGS)
        self.write("flows/restaurant.yaml", FLOW)
        (self.directory / "flows" / "jingle.ulaw").write_bytes(bytes(range(250)) * 32)

    def write(self, name: str, text: str) -> Path:
        """A file of it."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def read(self, text: str) -> Scenario:
        """The one scenario that this text writes."""
        (written,) = scenariofile.parsed(plainyaml.parse(text, "scenario.yaml")).scenarios
        return written.scenario

    def perform(self, scenario: Scenario) -> Performance:
        """Play it."""
        return perform(scenario, configured(self.directory / "voiced.yaml", {}))

    def plays(self, text: str, **expected: Any) -> Performance:
        """Play what this text writes: all goes as it says, and what is `expected` of the performance holds."""
        went = self.perform(self.read("scenario: it\n" + text))
        self.assertEqual([f"{failure.message}\n{failure.detail}" for failure in went.failures], [])
        self.assertEqual({name: getattr(went, name) for name in expected}, expected)
        return went

    def fails(self, text: str, *messages: str) -> Performance:
        """Play what this text writes: these are the failures."""
        went = self.perform(self.read("scenario: it\n" + text))
        self.assertEqual([failure.message for failure in went.failures], list(messages))
        return went
