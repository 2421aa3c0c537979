"""Flow files: what becomes of a good one, and what is said of each bad one."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from voiced.call import audio
from voiced.call.flow import Flow, OnMachine, Placed, Resume
from voiced.call.steps.asking import Http
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.lookup import Lookup
from voiced.call.steps.message import Voicemail
from voiced.call.steps.routing import Goto, Hangup
from voiced.call.steps.speech import Pause, Play, Say
from voiced.call.steps.texting import Sms
from voiced.call.template import Template
from voiced.errors import ConfigError
from voiced.ivoiced import ICall, IStep, Mentions
from voiced.maker import Maker
from voiced.settings.flowfile import Names, load_flows
from voiced.settings.registry import Found, Registry

REGISTRY = Registry.find()
NAMES = Names(voices=("rachel", "spare"), agents=("sales",), lookups=("crm",))

RECEPTION = """\
flow: reception
voice: rachel
start: greeting
on_error: sorry
nodes:
  greeting:
    - lookup: crm
    - say: "Good morning, {party.name|and welcome}."
    - menu: {prompt: "Press one for sales.", keys: {"1": sales, "2": hours}, timeout: 6, otherwise: goodbye}
  sales:
    - agent: sales
  hours:
    - play: gong.wav
    - pause: 0.5
    - say: {text: "We are open from nine to five.", voice: spare, interruptible: false}
  sorry:
    - say: "Something went wrong on our side."
    - goto: goodbye
  goodbye:
    - say: "Goodbye."
    - hangup
"""

REACHING = """\
    - http:
        url: "https://crm.example/calls/{call.sid}"
        method: POST
        json: {rating: "{rating}"}
        timeout: 3.5
        into: {order.state: order.state, total: order.items.0.price}
        otherwise: a
    - http: https://crm.example/
    - sms: {text: "Booked for {when}.", from: +14155550100, otherwise: a}
    - sms: "Goodbye."
"""

HEAD = "flow: test\nvoice: rachel\nstart: a\nnodes:\n"
"""Four lines; what follows begins in the fifth."""

QUOTES = "expects text, and `{` or `[` is syntax: put the text in quotes"
MENU = "(prompt, keys, timeout, retries, invalid, otherwise, voice, interruptible, words, barge_in)"
BRACE = "is not a place like {party.name|there}; write {{ for a plain brace"
SAY = "there are: barge_in, interruptible, language, text, voice"
BOTH = "`on_machine: leave_message` and `message: <node>`, what is left, need each other"
DESK = "`to` is a telephone number like +14155550100, in quotes, or a SIP address like sip:desk@example.com"
VERBS = (
    "agent, call, choose, gather, goto, hangup, hours, http, journal, limit, lookup, menu, operator, pause, play, "
    "queue, random, record, return, say, set, sms, transfer, voicemail"
)

ASCII = "`url` must be plain ASCII, without spaces, `\\` and `#`: percent-encode the rest"
NO_FACT = "is no name for a fact like order.state (call. and http. are ours)"
INSIDE = "is of our own network: if flows may ask it, name it in voiced.yaml (`http.private`)"
NO_URL = "`url` must be like https://host.example/path; only path and query may have a {name}"

BROKEN_STEPS: list[tuple[str, str]] = [
    ("    - http:", "6:7: node 'a', step 1 (http): the setting 'url' is missing"),
    ("    - http: crm.example", f"6:13: node 'a', step 1 (http): {NO_URL}"),
    ("    - http: 'https://{call.sid}.example/'", f"6:13: node 'a', step 1 (http): {NO_URL}"),
    (
        "    - http: 'https://x.example/{a b}'",
        f"6:13: node 'a', step 1 (http): {ASCII}",
    ),
    (
        "    - http: 'https://x.example/{1}'",
        "6:13: node 'a', step 1 (http): `url` has a place {1}, which is not like {party.name} or {party.name|x}",
    ),
    (
        "    - http: {url: 'https://x.example/', method: FETCH}",
        "6:49: node 'a', step 1 (http): method: 'FETCH' is not a choice; did you mean 'PATCH'?",
    ),
    (
        "    - http: {url: 'https://x.example/', json: {a: b}}",
        "6:41: node 'a', step 1 (http): `json` is sent by POST, PUT, PATCH: write one of them as `method`",
    ),
    (
        "    - http: {url: 'https://x.example/', timeout: 31}",
        "6:50: node 'a', step 1 (http): timeout: must be at most 30, not '31'",
    ),
    (
        "    - http: {url: 'https://x.example/', into: {call.sid: a}}",
        f"6:48: node 'a', step 1 (http): `into`: 'call.sid' {NO_FACT}",
    ),
    (
        "    - http: {url: 'https://x.example/', otherwise: b}",
        "6:7: node 'a', step 1 (http): no node is called 'b'; there are: a",
    ),
    (
        "    - http: http://localhost/",
        f"6:7: node 'a', step 1 (http): localhost {INSIDE}",
    ),
    ("    - sms:", "6:7: node 'a', step 1 (sms): the setting 'text' is missing"),
    ("    - sms: ' '", "6:12: node 'a', step 1 (sms): `text`: there is nothing in it"),
    (
        f"    - sms: {'x' * 1601}",
        "6:12: node 'a', step 1 (sms): `text`: it has more than 1600 characters, and Twilio takes no more",
    ),
    (
        "    - sms: {text: x, from: Acme}",
        "6:28: node 'a', step 1 (sms): `from` is a number of ours like +14155550100, in quotes, not 'Acme'",
    ),
    ("    - sms: {text: x, otherwise: b}", "6:7: node 'a', step 1 (sms): no node is called 'b'; there are: a"),
    ("    - sya: x", "6:7: node 'a', step 1 (sya): no step 'sya' is installed; did you mean 'say'?"),
    ("    - dance", f"6:7: node 'a', step 1 (dance): no step 'dance' is installed; there are: {VERBS}"),
    ("    - say: x\n    - goto: b", "7:7: node 'a', step 2 (goto): no node is called 'b'; there are: a"),
    ("    - goto:\n        node: aa", "7:15: node 'a', step 1 (goto): no node is called 'aa'; did you mean 'a'?"),
    ("    - say:", "6:7: node 'a', step 1 (say): the setting 'text' is missing"),
    ("    - say", "6:7: node 'a', step 1 (say): the setting 'text' is missing"),
    ("    - say: [x]", f"6:12: node 'a', step 1 (say): {QUOTES}"),
    ("    - say: {text: [x]}", f"6:19: node 'a', step 1 (say): text: {QUOTES}"),
    (
        "    - say: {text: x, voice: rahcel}",
        "6:7: node 'a', step 1 (say): no voice is called 'rahcel'; did you mean 'rachel'?",
    ),
    (
        "    - say: {text: x, interruptible: no}",
        "6:37: node 'a', step 1 (say): interruptible: write true or false, not 'no'",
    ),
    (
        "    - say: {text: x, loud: true}",
        f"6:22: node 'a', step 1 (say): there is no setting 'loud' here; {SAY}",
    ),
    (
        "    - say: 'Hi {party.name'",
        "6:12: node 'a', step 1 (say): the brace at character 4 " + BRACE,
    ),
    (
        "    - say: Dial: one",
        "6:16: a second colon in the line: put the whole text behind the first one in quotes",
    ),
    ("    - pause: 0", "6:14: node 'a', step 1 (pause): must be more than 0, not '0'"),
    ("    - pause: {seconds: long}", "6:24: node 'a', step 1 (pause): seconds: expects a number, not 'long'"),
    (
        "    - hangup: {when: now}",
        "6:16: node 'a', step 1 (hangup): there is no setting 'when' here; there are: carrier_says, reason",
    ),
    ("    - menu: a", f"6:13: node 'a', step 1 (menu): expects settings below it {MENU}"),
    ("    - menu: {prompt: x}", "6:7: node 'a', step 1 (menu): the setting 'keys' is missing"),
    (
        "    - menu: {prompt: x, keys: {11: a}}",
        "6:32: node 'a', step 1 (menu): keys.11: '11' may not stand here; did you mean '1'?",
    ),
    ("    - menu: {prompt: x, keys: {}}", "6:31: node 'a', step 1 (menu): keys: must not be empty"),
    ("    - menu: {prompt: x, keys: {1: b}}", "6:7: node 'a', step 1 (menu): no node is called 'b'; there are: a"),
    (
        "    - menu: {prompt: x, keys: {1: a}, retries: -1}",
        "6:48: node 'a', step 1 (menu): retries: must be at least 0, not '-1'",
    ),
    (
        "    - menu:\n        prompt: x\n        keys:\n          1: a\n          2: b",
        "10:14: node 'a', step 1 (menu): no node is called 'b'; there are: a",
    ),
    ("    - menu:\n      prompt: x", "7:7: node 'a', step 1: indent the settings of 'menu' below it"),
    (
        "    - say: x\n      goto: a",
        "7:7: node 'a', step 1: a step is one verb, and 'say' is it: begin 'goto' with `- ` of its own",
    ),
    ("    - []", "6:7: node 'a', step 1: a step is a verb and its settings, like `- say: \"Hello\"`"),
    ("    - agent: sals", "6:7: node 'a', step 1 (agent): no agent is called 'sals'; did you mean 'sales'?"),
    ("    - lookup: cmr", "6:7: node 'a', step 1 (lookup): no lookup is called 'cmr'; did you mean 'crm'?"),
    (
        "    - play: none.wav",
        "6:7: node 'a', step 1 (play): the sound flows/none.wav cannot be read: No such file or directory",
    ),
    ("    - play:\n        file: empty.ulaw", "7:15: node 'a', step 1 (play): the sound flows/empty.ulaw is empty"),
    ("    - hangup: [done]", f"6:15: node 'a', step 1 (hangup): {QUOTES}"),
    ("    - hangup: {reason: [done]}", f"6:24: node 'a', step 1 (hangup): reason: {QUOTES}"),
    (
        "    - hangup: {reson: done}",
        "6:16: node 'a', step 1 (hangup): there is no setting 'reson' here; did you mean 'reason'?",
    ),
    (
        "    - hangup: {reason: }",
        "6:16: node 'a', step 1 (hangup): reason: has no value: write one, or take the line out",
    ),
    ("    - transfer", "6:7: node 'a', step 1 (transfer): the setting 'to' is missing"),
    ("    - transfer: {timeout: 20}", "6:7: node 'a', step 1 (transfer): the setting 'to' is missing"),
    ("    - transfer: 14155550100", f"6:17: node 'a', step 1 (transfer): {DESK}, not '14155550100'"),
    ("    - transfer: 1-800-FLOWERS", f"6:17: node 'a', step 1 (transfer): {DESK}, not '1-800-FLOWERS'"),
    ("    - transfer: 'sip:@x'", f"6:17: node 'a', step 1 (transfer): {DESK}, not 'sip:@x'"),
    ("    - transfer: ['+14155550100']", f"6:17: node 'a', step 1 (transfer): {QUOTES}"),
    ("    - transfer: '{party.desk'", "6:17: node 'a', step 1 (transfer): the brace at character 1 " + BRACE),
    (
        "    - transfer: {to: '+14155550100', timeout: 4}",
        "6:47: node 'a', step 1 (transfer): timeout: must be at least 5, not '4'",
    ),
    (
        "    - transfer: {to: '+14155550100', timeout: 601}",
        "6:47: node 'a', step 1 (transfer): timeout: must be at most 600, not '601'",
    ),
    (
        "    - transfer: {to: '+14155550100', seconds: 0}",
        "6:47: node 'a', step 1 (transfer): seconds: must be at least 1, not '0'",
    ),
    (
        "    - transfer: {to: '+14155550100', caller_id: me}",
        "6:49: node 'a', step 1 (transfer): `caller_id` is a number like +14155550100, in quotes, not 'me'",
    ),
    (
        "    - transfer: {to: '+14155550100', voice: rahcel}",
        "6:7: node 'a', step 1 (transfer): no voice is called 'rahcel'; did you mean 'rachel'?",
    ),
    ("    - voicemail: 'Hi {x'", "6:18: node 'a', step 1 (voicemail): the brace at character 4 " + BRACE),
    (
        "    - voicemail: {max_seconds: 0}",
        "6:32: node 'a', step 1 (voicemail): max_seconds: must be more than 0, not '0'",
    ),
    (
        "    - voicemail: {max_seconds: 3601}",
        "6:32: node 'a', step 1 (voicemail): max_seconds: must be at most 3600, not '3601'",
    ),
    ("    - voicemail: {silence: 0.5}", "6:28: node 'a', step 1 (voicemail): silence: must be at least 1, not '0.5'"),
    (
        "    - voicemail: {keys: E}",
        "6:25: node 'a', step 1 (voicemail): keys: must be of the form ^[0-9*#A-D]*$, not 'E'",
    ),
    ("    - voicemail: {beep: no}", "6:25: node 'a', step 1 (voicemail): beep: write true or false, not 'no'"),
    ("    - voicemail: {otherwise: b}", "6:7: node 'a', step 1 (voicemail): no node is called 'b'; there are: a"),
    (
        "    - voicemail: {voice: rahcel}",
        "6:7: node 'a', step 1 (voicemail): no voice is called 'rahcel'; did you mean 'rachel'?",
    ),
    (
        "    - voicemail: {seconds: 5}",
        "6:19: node 'a', step 1 (voicemail): there is no setting 'seconds' here; did you mean 'max_seconds'?",
    ),
    ("    say: x", "6:5: node 'a': expects a list, each entry on a line that begins with `- `"),
    ("    hangup", "6:5: node 'a': expects a list, each entry on a line that begins with `- `, not 'hangup'"),
    ("  b:\n    - hangup", "5:3: node 'a': it has no steps: write one, like `- hangup`"),
]

BROKEN_HEADS: list[tuple[str, list[str]]] = [
    ("", ["1:1: this file is empty: write a flow (`flow:`, `start:`, `nodes:`), or take it away"]),
    ("- say: x", ["1:1: expects settings (`name: value`) below it"]),
    ("flow: f\nstart: a\n", ["1:1: nodes: a flow needs at least one node, with its steps"]),
    ("flow: f\nstart: a\nnodes: {}", ["3:1: nodes: a flow needs at least one node, with its steps"]),
    ("flow: f\nstart: a\nnodes: x", ["3:8: nodes: expects settings (`name: value`) below it, not 'x'"]),
    ("flow: f\nnodes: {a: [hangup]}", ["1:1: the setting 'start' is missing"]),
    ("start: a\nnodes: {a: [hangup]}", ["1:1: the setting 'flow' is missing"]),
    ("flow: f\nstart: b\nnodes: {a: [hangup]}", ["2:8: start: no node is called 'b'; there are: a"]),
    ("flow: f\nstart: a\non_error: b\nnodes: {a: [hangup]}", ["3:11: on_error: no node is called 'b'; there are: a"]),
    (
        "flow: f\nstart: a\non_hangup: b\nnodes: {a: [hangup]}",
        ["3:12: on_hangup: no node is called 'b'; there are: a"],
    ),
    (
        "flow: f\nvoice: v\nstart: a\nnodes: {a: [hangup]}",
        ["2:8: voice: no voice is called 'v'; there are: rachel, spare"],
    ),
    (
        "flow: f\nstrat: a\nnodes: {a: [hangup]}",
        ["2:1: there is no setting 'strat' here; did you mean 'start'?"],
    ),
    ("flow: f\nstart: a\non_machine: leave_message\nnodes: {a: [hangup]}", [f"3:13: {BOTH}"]),
    ("flow: f\nstart: a\nmessage: a\nnodes: {a: [hangup]}", [f"3:10: {BOTH}"]),
    ("flow: f\nstart: a\non_machine: hangup\nmessage: a\nnodes: {a: [hangup]}", [f"3:13: {BOTH}"]),
    ("flow: f\nstart: a\non_machine: continue\nmessage: a\nnodes: {a: [hangup]}", [f"3:13: {BOTH}"]),
    ("flow: f\nstart: a\non_machine: leave_message\nmessage:\nnodes: {a: [hangup]}", [f"3:13: {BOTH}"]),
    (
        "flow: f\nstart: a\non_machine: leave_message\nmessage: b\nnodes: {a: [hangup]}",
        ["4:10: message: no node is called 'b'; there are: a"],
    ),
    (
        "flow: f\nstart: a\nmessage: b\nnodes: {a: [hangup]}",
        [f"3:10: {BOTH}", "3:10: message: no node is called 'b'; there are: a"],
    ),
    (
        "flow: f\nstart: a\non_machine: leave_mesage\nmessage: a\nnodes: {a: [hangup]}",
        ["3:13: on_machine: 'leave_mesage' is not a choice; did you mean 'leave_message'?"],
    ),
    (
        "flow: f\nstart: a\non_machine: no\nnodes: {a: [hangup]}",
        ["3:13: on_machine: 'no' is not a choice; there are: continue, hangup, leave_message"],
    ),
    (
        "flow: f\nstart: a\nnodes: {a: [say: x, say: y]}",
        ["3:13: node 'a', step 1 (say): it speaks, and has no voice: write `voice:` into the flow or voiced.yaml"],
    ),
]


@implementer(IStep)
class Odd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step that does not look at its own URL."""

    shorthand: ClassVar[str] = "url"

    url: str

    def mentions(self) -> Mentions:
        """See IStep."""
        return Mentions(urls=(self.url,))

    async def run(self, call: ICall) -> None:
        """See IStep."""


class FlowFileCase(SynchronousTestCase):
    """Test cases with a directory of flows."""

    def setUp(self) -> None:
        """An empty directory."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        (self.directory / "empty.ulaw").write_bytes(b"")

    def load(self, names: Names = NAMES, **files: str) -> dict[str, Flow]:
        """The flows of these files."""
        for name, text in files.items():
            (self.directory / f"{name}.yaml").write_text(text)
        return load_flows(self.directory, names, REGISTRY)

    def faults(self, names: Names = NAMES, **files: str) -> list[str]:
        """What is wrong in these files; the directory is called `flows`."""
        try:
            self.load(names, **files)
        except ConfigError as error:
            return [str(fault).replace(str(self.directory), "flows") for fault in error.faults]
        return []


class GoodFlowTests(FlowFileCase):
    """Flows without a fault."""

    def test_reception(self) -> None:
        """Every verb becomes its step, in its place, with its settings."""
        (self.directory / "gong.wav").write_bytes(audio.wav(b"gong"))
        flow = self.load(reception=RECEPTION)["reception"]
        self.assertEqual(
            (flow.start, flow.voice, flow.on_error, flow.on_hangup), ("greeting", "rachel", "sorry", None)
        )
        text, keys = Template.parse("Press one for sales."), {"1": "sales", "2": "hours"}
        self.assertEqual(flow.nodes["greeting"][2], Placed("menu", Menu(text, keys, otherwise="goodbye")))  # type: ignore[arg-type]
        self.assertEqual(flow.nodes["greeting"][0].step, Lookup("crm"))
        self.assertEqual(flow.nodes["sales"][0].step, Agent("sales"))
        said = Say(Template.parse("We are open from nine to five."), "spare", False)
        self.assertEqual([placed.step for placed in flow.nodes["hours"]], [Play("gong.wav"), Pause(0.5), said])
        self.assertEqual([placed.step for placed in flow.nodes["sorry"][1:]], [Goto("goodbye")])
        self.assertEqual([placed.step for placed in flow.nodes["goodbye"][1:]], [Hangup()])
        self.assertEqual(flow.sounds, {"gong.wav": b"gong"})

    def test_default_voice(self) -> None:
        """A flow that names no voice has the default one."""
        text = "flow: f\nstart: a\nnodes: {a: [say: x]}"
        self.assertEqual(self.load(Names(voices=("rachel",), voice="rachel"), f=text)["f"].voice, "rachel")

    def test_silent_flow(self) -> None:
        """A flow that never speaks needs no voice; a step that names its own neither."""
        text = "flow: f\nstart: a\nnodes: {a: [hangup: , say: {text: x, voice: spare}]}"
        self.assertIsNone(self.load(f=text.replace("hangup: ", "hangup"))["f"].voice)

    def test_on_machine(self) -> None:
        """What an answering machine is told, and whether anything is; nobody asks unless the flow says so."""
        text = "flow: f\nstart: a\n%s\nnodes: {a: [hangup], left: [hangup: a message was left]}"
        for head, on_machine, message in [
            ("on_machine: leave_message\nmessage: left", OnMachine.LEAVE_MESSAGE, "left"),
            ("on_machine: hangup", OnMachine.HANGUP, None),
            ("on_machine: continue", OnMachine.CONTINUE, None),
            ("on_machine:", None, None),
            ("", None, None),
        ]:
            flow = self.load(f=text % head)["f"]
            self.assertEqual((flow.on_machine, flow.message), (on_machine, message), head)
        self.assertEqual(flow.nodes["left"][0].step, Hangup("a message was left"))

    def test_transfer_and_voicemail(self) -> None:
        """A number may be written without quotes, keys too; a bare verb has its defaults."""
        steps = ["transfer: +14155550100", "transfer: sip:desk@example.com", "voicemail: {keys: 12}", "voicemail"]
        flow = self.load(f=HEAD + "  a:\n" + "".join(f"    - {step}\n" for step in steps))["test"]
        desks = [Transfer(Template.parse(to)) for to in ("+14155550100", "sip:desk@example.com")]
        self.assertEqual([placed.step for placed in flow.nodes["a"]], [*desks, Voicemail(keys="12"), Voicemail()])

    def test_http_and_sms(self) -> None:
        """As people write them: `from` needs no quotes, and what is one text needs no name."""
        flow = self.load(f=f"{HEAD}  a:\n{REACHING}")["test"]
        rating = {"rating": Template.parse("{rating}")}
        into = {"order.state": "order.state", "total": "order.items.0.price"}
        asked = Http("https://crm.example/calls/{call.sid}", "POST", rating, 3.5, into, "a")
        sent = Sms(Template.parse("Booked for {when}."), "+14155550100", "a")
        steps = [asked, Http("https://crm.example/"), sent, Sms(Template.parse("Goodbye."))]
        self.assertEqual([placed.step for placed in flow.nodes["a"]], steps)

    def test_resume(self) -> None:
        """How a step resumes stands beside its verb; unset, it goes on."""
        lines = ["- say: Hello.", "- {resume: restart, say: Hello.}", "- say: Hello.\n      resume: on_error"]
        steps = self.load(test=HEAD + "  a:\n" + "".join(f"    {line}\n" for line in lines))["test"].nodes["a"]
        self.assertEqual([placed.resume for placed in steps], [Resume.CONTINUE, Resume.RESTART, Resume.ON_ERROR])
        self.assertEqual({placed.verb for placed in steps}, {"say"})


class BrokenFlowTests(FlowFileCase):
    """Flows with a fault: the file, the line, the column, the node, the step, and what to do."""

    maxDiff = None

    def test_broken_steps(self) -> None:
        """Whatever is wrong with a step is said once, in its place."""
        for step, fault in BROKEN_STEPS:
            self.assertEqual(self.faults(f=f"{HEAD}  a:\n{step}\n"), [f"flows/f.yaml:{fault}"], step)

    def test_broken_heads(self) -> None:
        """And whatever is wrong with the flow as a whole."""
        for text, faults in BROKEN_HEADS:
            self.assertEqual(self.faults(f=text), [f"flows/f.yaml:{fault}" for fault in faults], text)

    def test_url_of_a_plugin(self) -> None:
        """What a plugin's step says it asks is looked at like our own."""
        odd = Found(Maker("step", "odd", "Asks for a file", f"{__name__}.Odd"), __name__)
        (self.directory / "f.yaml").write_text(f"{HEAD}  a:\n    - odd: file:///etc/passwd\n")
        registry = Registry((*REGISTRY.found, odd))
        error = self.assertRaises(ConfigError, load_flows, self.directory, NAMES, registry)
        self.assertEqual(str(error), f"{self.directory}/f.yaml:6:7: node 'a', step 1 (odd): {NO_URL}")

    def test_the_fault_of_the_manual(self) -> None:
        """A slip in a menu's node is found, and what was meant is proposed."""
        (self.directory / "gong.wav").write_bytes(audio.wav(b"gong"))
        broken = RECEPTION.replace('"1": sales', '"1": saels')
        fault = "node 'greeting', step 3 (menu): no node is called 'saels'; did you mean 'sales'?"
        self.assertEqual(self.faults(reception=broken), [f"flows/reception.yaml:9:7: {fault}"])

    def test_sound_for_another_line(self) -> None:
        """A sound that a telephone cannot play comes with the command that mends it."""
        (self.directory / "gong.wav").write_bytes(
            audio.wav(b"gong").replace((8000).to_bytes(4, "little"), (44100).to_bytes(4, "little"))
        )
        (fault,) = self.faults(f=f"{HEAD}  a: [play: gong.wav]\n")
        self.assertIn(
            "f.yaml:5:7: node 'a', step 1 (play): the sound flows/gong.wav cannot be played: it is 44100 Hz", fault
        )

    def test_all_at_once(self) -> None:
        """Every fault of every file is in one error, in order."""
        bad = f"{HEAD}  a:\n    - goto: b\n    - say: {{text: x, loud: y}}\n    - pause: x\n"
        faults = self.faults(x="a: [", y=bad, z="")
        self.assertEqual(
            [fault.split(": ")[0] for fault in faults],
            ["flows/x.yaml:1:4", "flows/y.yaml:6:7", "flows/y.yaml:7:22", "flows/y.yaml:8:14", "flows/z.yaml:1:1"],
        )

    def test_two_of_one_name(self) -> None:
        """Two files cannot hold one flow."""
        text = "flow: f\nstart: a\nnodes: {a: [hangup]}"
        self.assertEqual(
            self.faults(x=text, y=text), ["flows/y.yaml:1:7: flow: a flow 'f' is in flows/x.yaml:1 already"]
        )

    def test_no_flows(self) -> None:
        """An empty directory, or none, is a fault; so is a file that would be overlooked."""
        self.assertEqual(self.faults(), ["flows:1:1: there is no flow here: write one into a file *.yaml"])
        (self.directory / "x.yml").write_text("")
        self.assertIn("flows/x.yml:1:1: a flow's file ends in .yaml: rename it", self.faults())

    @settings(deadline=None)
    @given(st.text(alphabet="ab:{}[],-#&*!|>'\" \n\\$") | st.text())
    def test_any_text(self, text: str) -> None:
        """No file makes anything but flows or a ConfigError."""
        (self.directory / "f.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        self.faults()
        (self.directory / "f.yaml").write_bytes(f"{HEAD}  a: {text}".encode("utf-8", "surrogatepass"))
        self.faults()
