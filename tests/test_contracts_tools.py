"""Every tool of ours keeps what IAgentTool promises; and the contract finds what it is there to find."""

from __future__ import annotations

from unittest import TestLoader, TestResult

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from tests.memory_reactor import MemoryReactor
from voiced.agents.tools import dtmf, hang_up, http, opt_out, transfer
from voiced.agents.tools.parameters import Parameter
from voiced.ivoiced import ToolResult
from voiced.simulator.memory import elapse
from voiced.testing.contracts import AgentToolContract
from voiced.testing.fake_toolbox import FakeTool
from voiced.testing.fakes import FakeTools


class HangUpContract(AgentToolContract, SynchronousTestCase):
    arguments = {"reason": "goodbye"}

    def make_tool(self):
        self.clock = Clock()
        return hang_up.make(hang_up.Settings(), FakeTools(self.clock))


class TransferContract(AgentToolContract, SynchronousTestCase):
    arguments = {"to": "sales"}

    def make_tool(self):
        self.clock = Clock()
        return transfer.make(transfer.Settings({"sales": "+14155550100"}), FakeTools(self.clock))


class HandoverContract(AgentToolContract, SynchronousTestCase):
    def make_tool(self):
        self.clock = Clock()
        return transfer.make(transfer.Settings(), FakeTools(self.clock))


class OptOutContract(AgentToolContract, SynchronousTestCase):
    def make_tool(self):
        self.clock = Clock()
        return opt_out.make(opt_out.Settings(), FakeTools(self.clock))


class DtmfContract(AgentToolContract, SynchronousTestCase):
    arguments = {"digits": "12#"}

    def make_tool(self):
        self.clock = Clock()
        return dtmf.make(dtmf.Settings(), FakeTools(self.clock))


class Echo(Resource):
    """Says a little later what it was asked."""

    isLeaf = True

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def render(self, request):
        answer = deferLater(self.clock, 0.1, self.answer, request)
        request.notifyFinish().addErrback(lambda _: answer.cancel())
        answer.addErrback(lambda _: None)
        return NOT_DONE_YET

    def answer(self, request):
        request.write(request.uri + request.content.read())
        request.finish()


class HttpContract(AgentToolContract, SynchronousTestCase):
    arguments = {"city": "Rome", "days": 3, "share": 0.5, "sure": True}
    method = "GET"

    def make_tool(self):
        self.clock = MemoryReactor()
        self.clock.network.listen("93.184.216.34", Site(Echo(self.clock), reactor=self.clock, timeout=None))
        parameters = {
            "city": Parameter(),
            "days": Parameter(type="integer"),
            "share": Parameter(type="number"),
            "sure": Parameter(type="boolean", required=False),
        }
        url = "http://93.184.216.34/{city}?a=b"
        settings = http.Settings("Echoes.", url, method=self.method, parameters=parameters, timeout=2)
        return http.make(settings, FakeTools(self.clock))

    def advance(self, seconds):
        elapse(self.clock, seconds)

    def pending(self):
        return self.clock.waiting


class HttpBodyContract(HttpContract):
    method = "POST"


class ContractTests(SynchronousTestCase):
    """The contract itself."""

    def failing(self, kind=FakeTool, **tool):
        """The tests that a tool like this fails."""

        class Contract(AgentToolContract, SynchronousTestCase):
            def make_tool(self):
                self.clock = Clock()
                made = kind()
                for name, value in tool.items():
                    setattr(made, name, value(self.clock) if name == "reply" else value)
                return made

        result = TestResult()
        TestLoader().loadTestsFromTestCase(Contract).run(result)
        return {test.id().rpartition(".")[2] for test, _ in (*result.failures, *result.errors)}

    def test_no_fault(self):
        """A tool without a fault passes, at once or later."""
        self.assertEqual(self.failing(), set())
        self.assertEqual(self.failing(LateTool), set())

    def test_faults(self):
        """Each fault fails the test that is there for it."""
        for test, tool in {
            "test_provides_the_interface": {"description": " "},
            "test_parameters": {"parameters": {"type": "object", "properties": {}, "required": ["x"]}},
            "test_schema": {"parameters": {"type": "object", "properties": {"x": {"type": "text"}}}},
            "test_works": {"reply": lambda clock: ToolResult("", error=True)},
            "test_two_at_once": {"kind": ForgetfulTool},
            "test_nonsense": {"reply": lambda clock: KeyError("x")},
            "test_cancel": {"reply": deaf},
        }.items():
            self.assertIn(test, self.failing(**tool), test)
        self.assertIn("test_works", self.failing(reply=lambda clock: fail(KeyError("x"))))
        self.assertIn("test_works", self.failing(reply=lambda clock: succeed("x")))


class LateTool(FakeTool):
    """A tool that takes a second."""

    def run(self, call, arguments):
        return deferLater(call.clock, 1, ToolResult, "Done.")


class ForgetfulTool(LateTool):
    """A tool that answers the last one who asked, and nobody else."""

    def run(self, call, arguments):
        asked = super().run(call, arguments)
        if self.ran:
            self.ran.pop().cancel()
        self.ran.append(asked)
        return asked


def deaf(clock):
    """A reply that comes all the same when it is cancelled."""
    return Deferred(lambda reply: reply.callback(ToolResult("Done.")))
