"""Random flows of valid steps: none hangs a call, and each call comes to exactly one end."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater
from zope.interface import implementer

from tests.house import NUMBER, House
from voiced.call.flow import Flow
from voiced.call.program import Colleague
from voiced.errors import AgentError, HttpFailed, LookupFailed, Refused
from voiced.ivoiced import Brief, HttpAnswer, HttpRequest, IAgent, ICall, ICallerLookup, ILine, Outcome, Who
from voiced.iweb import IWebServices
from voiced.rehearsal.memory import MemoryRecordings
from voiced.settings.flowfile import Names, load_flows
from voiced.settings.registry import Registry
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import spell

REGISTRY = Registry.find()
NAMES = Names(voices=("test",), agents=("desk",), lookups=("crm",), voice="test")
NODES = ("n0", "n1", "n2", "n3")
DESK = "+14155550111"

node = st.sampled_from(NODES)
maybe = st.none() | node
text = st.sampled_from(["Hello.", "It is {x|nothing}.", "{call.party:digits}", "{x:money EUR|free}", "{gone|}"])
few = st.sampled_from(["0", "1"])


def body(**settings: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Settings of a step: what is no strategy is always so, and what is None is not written."""
    drawn = {name: each if isinstance(each, st.SearchStrategy) else st.just(each) for name, each in settings.items()}
    return st.fixed_dictionaries(drawn).map(_written)


def _written(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def maps(keys: list[str]) -> st.SearchStrategy[dict[str, str]]:
    """Some of these keys, each with a node."""
    return st.dictionaries(st.sampled_from(keys), node, min_size=1)


flag = st.sampled_from([None, "true", "false"])
some = st.none() | few
WORDS = {"1": ["yes"]}
MENU = body(prompt=text, keys=maps(["1", "2"]), timeout="1", retries=some, otherwise=maybe, interruptible=flag)
SPOKEN_MENU = body(prompt=text, keys=node.map(lambda to: {"1": to}), words=WORDS, timeout="1", invalid=text)
GATHER = body(
    prompt=text, into="x", digits="2", timeout="1", between="1", retries=some, private=flag, otherwise=maybe
)
QUEUE = body(transfer=DESK, most="15", retry="5", ring="5", every="5", most_waiting=st.none() | st.just("1"))
STEPS = {
    "say": body(text=text, interruptible=flag),
    "pause": few.map(lambda number: str(int(number) + 0.5)),
    "menu": MENU | SPOKEN_MENU,
    "gather": GATHER,
    "choose": body(fact="x", cases=maps(["", "1", "12"]), otherwise=maybe),
    "hours": body(time_zone="UTC", open={"mon-sun": "9:00-17:00"}, otherwise=maybe),
    "set": st.just({"x": "1{x|}"}) | st.just({"call.language": "de"}),
    "random": st.dictionaries(node, st.sampled_from(["1", "3"]), min_size=1),
    "limit": body(part="p", most="1", otherwise=node) | st.just({"part": "p", "leave": "true"}),
    "lookup": body(use="crm", timeout="1", filler=st.none() | text) | body(use="crm", ringing="true"),
    "record": body(prompt=text, max_seconds="3", silence="1", consent=st.none() | text, otherwise=maybe),
    "voicemail": body(max_seconds="3", silence="1", otherwise=maybe),
    "queue": QUEUE | body(transfer=DESK, most="10", key="1", message=node, otherwise=node),
    "journal": st.just(["x"]),
    "operator": st.sampled_from(["report", "all_to_human", "last_good_flows"]),
    "http": body(url="https://x.example/{x|0}", into=st.none() | st.just({"x": "a"}), otherwise=maybe),
    "sms": body(text="Hello.", otherwise=maybe),
    "agent": body(use="desk", silence="2", seconds=st.none() | st.just("3"), fallback=st.none() | st.just("")),
    "play": st.just("gong.ulaw"),
    "transfer": body(to=DESK, timeout="5"),
    "goto": node,
    "hangup": st.just("enough"),
    "call": body(flow=st.sampled_from(["main", "sub"]), result="x"),
    "return": text,
}
step = st.sampled_from(sorted(STEPS)).flatmap(lambda verb: STEPS[verb].map(lambda found: {verb: found}))
nodes = st.fixed_dictionaries({name: st.lists(step, min_size=1, max_size=4) for name in NODES})
OPT_OUT = st.sampled_from([None, {"key": "9"}])
HEADS = body(on_error=maybe, on_silence=maybe, on_hangup=maybe, disclose=st.none() | text, opt_out=OPT_OUT)
REFUSED = st.lists(st.sampled_from(["converse", "leg", "text"]), max_size=2)
"""What the guard forbids."""
ACT = st.sampled_from(["1", "2", "9", "12#", "says", "moment", "second", "hang_up", "drop", "drain"])


@implementer(IAgent)
@attrs.define
class Whim:
    """Does one of a few things, in turn."""

    clock: Any
    turns: int = 0
    notices_interruptions: bool = True

    def converse(self, line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """See IAgent."""
        self.turns += 1
        if self.turns % 4 == 0:
            return fail(AgentError("not today"))
        line.ready()
        if self.turns % 4 == 3:
            return succeed(Outcome("completed"))
        line.said(Who.AGENT, "Yes?")
        line.send_audio(spell("Yes?"))
        if self.turns % 4 == 1:
            return Deferred()
        return deferLater(self.clock, 1.0, lambda: Outcome(("handover", "hung_up")[self.turns % 2]))


@implementer(ICallerLookup, IWebServices)
@attrs.define
class Oracle:
    """Knows something, fails, or does not answer, in turn."""

    clock: Any
    turns: int = 0

    def lookup(self, call: ICall) -> Deferred[Any]:
        """See ICallerLookup."""
        return self._answer({"name": "Ann"}, LookupFailed("no"))

    def ask(self, request: HttpRequest, call: str = "") -> Deferred[HttpAnswer]:
        """See IWebServices."""
        return self._answer(HttpAnswer(200, b'{"a": 1}', True), HttpFailed("no")).addTimeout(1.0, self.clock, _late)

    def _answer(self, good: Any, bad: Exception) -> Deferred[Any]:
        self.turns += 1
        if self.turns % 3 == 0:
            return succeed(good)
        return fail(bad) if self.turns % 3 == 1 else Deferred()


def _late(*_: object) -> Any:
    raise HttpFailed("late")


class RandomFlowTests(House):
    """What no flow may do."""

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    @given(main=nodes, sub=nodes, head=HEADS, acts=st.lists(ACT, max_size=8), strict=REFUSED)
    def test_one_end(self, main: Any, sub: Any, head: Any, acts: list[str], strict: list[str]) -> None:
        """Whatever a flow is, and whatever the caller does: the call ends once, and nothing of it is left."""
        House.setUp(self)
        self.guard.refusals = {what: Refused("a_rule", "no") for what in strict}
        self.carrier.callee(DESK, "busy" if len(acts) % 2 else "completed", talk=5.0)
        self.moves(self.loaded({"main": (main, head), "sub": (sub, {})}))
        self.carrier.ring(NUMBER)
        self.passes(0.2)
        call = next(iter(self.carrier.calls.values()))
        for act in acts:
            self.act(act, call)
        self.passes(75)
        House.tearDown(self)
        lines = Counter(line["event"] for line in self.journal.lines if line["call"] == call.sid)
        self.assertEqual((lines["began"], lines["ended"]), (1, 1))
        ended = next(line for line in self.journal.lines if line["event"] == "ended")
        self.assertNotEqual(ended["ending"], "bug", ended)
        self.assertEqual(len(self.daemon._parts), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def tearDown(self) -> None:
        """Each example has swept up behind itself."""

    def loaded(self, files: dict[str, Any]) -> dict[str, Flow]:
        """The flows of these nodes and heads, through the checker: what it takes has to work."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "gong.ulaw").write_bytes(spell("gong"))
        for name, (found, head) in files.items():
            steps = {**found, "n0": [{"set": {"x": "1"}}, *found["n0"]]}
            page = {"flow": name, "start": "n0", "max_seconds": "60", "nodes": steps} | head
            (directory / f"{name}.yaml").write_text(json.dumps(page), "utf-8")
        return load_flows(directory, NAMES, REGISTRY)

    def moves(self, flows: dict[str, Flow]) -> None:
        """The daemon has them."""
        oracle = Oracle(self.clock)
        self.lives_in(
            *flows.values(),
            agents={"desk": Colleague(Whim(self.clock))},
            lookups={"crm": oracle},
            web=oracle,
            hearing=FakeHearing(self.clock, 0.1),
            recordings=MemoryRecordings(),
            chance=lambda: 0.5,
            keeps_wire=True,
        )

    def act(self, act: str, call: Any) -> None:
        """One thing happens."""
        if act in ("moment", "second"):
            self.passes({"moment": 0.07, "second": 1.3}[act])
        elif act == "says":
            call.speak(spell("YES PLEASE"), "yes")
            self.passes(0.6)
        elif act == "hang_up":
            call.hang_up()
        elif act == "drop":
            self.carrier.drop_stream(call)
            self.passes(0.5)
        elif act == "drain":
            self.daemon.drain()
        else:
            call.press(act)
            self.passes(0.1)


class EveryStepTests(House):
    """None is forgotten above."""

    def setUp(self) -> None:
        """No daemon."""

    def tearDown(self) -> None:
        """No daemon."""

    def test_each_step(self) -> None:
        """Every step that comes with voiced stands in random flows."""
        self.assertEqual(set(STEPS), set(REGISTRY.names("step")))
