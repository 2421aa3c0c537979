"""What every tool promises (IAgentTool): a test class for voiced's own tools and for other people's.

class AcmeContract(AgentToolContract, SynchronousTestCase):
    arguments = {"city": "Paris"}

    def make_tool(self):
        self.clock = Clock()
        return make(Settings(url="https://acme.test"), FakeTools(self.clock, http=acme_in_memory(self.clock)))
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest
from zope.interface.verify import verifyObject

from voiced.errors import ToolFailed
from voiced.ivoiced import IAgentTool, ToolResult
from voiced.testing.fake_call import FakeCall

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0.5,
    1e308,
    10**400,
    "",
    "x" * 100_000,
    "../..",
    "\0\r\n{}",
    "\ud800",
    [],
    {"a": []},
)
"""What a language model might say where it should say something else."""


class AgentToolContract:
    """A mixin for `twisted.trial.unittest.SynchronousTestCase`: override `make_tool`, and `arguments`.

    Where more than `self.clock` moves the tool, override `advance` too; where its double has timers that come and go,
    `pending`; where it can say how many questions it still works on, `left_open`.
    """

    clock: Clock
    arguments: Mapping[str, Any] = {}
    """Arguments with which the tool works."""

    # For mypy: what comes from SynchronousTestCase.
    assertEqual: Any
    assertTrue: Any
    assertFalse: Any
    assertIsInstance: Any
    assertLessEqual: Any
    failureResultOf: Any

    def make_tool(self) -> IAgentTool:
        """A new tool that works; and set `self.clock`."""
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and let happen what happens in it."""
        self.clock.advance(seconds)

    def pending(self) -> list[Any]:
        """What the tool has left to be done later."""
        return list(self.clock.getDelayedCalls())

    def left_open(self) -> int:
        """How many questions are still worked on by whoever is asked."""
        return 0

    def use(self, arguments: Mapping[str, Any]) -> Any:
        """What a new tool answers to these arguments in the time it may take: a ToolResult or a Failure."""
        answers: list[Any] = []
        tool = self.make_tool()
        tool.run(FakeCall(clock=self.clock), arguments).addBoth(answers.append)
        for _ in range(100):
            self.advance(tool.timeout / 100)
        self.assertEqual(len(answers), 1, "it did not answer in time")
        return answers[0]

    def test_provides_the_interface(self) -> None:
        """It is an IAgentTool, as zope.interface verifies; it says what it is for, and how long it may take."""
        tool = self.make_tool()
        verifyObject(IAgentTool, tool)
        self.assertTrue(tool.description.strip())
        self.assertTrue(tool.timeout > 0)

    def test_parameters(self) -> None:
        """They are the JSON Schema of an object, and JSON."""
        schema = json.loads(json.dumps(self.make_tool().parameters))
        self.assertEqual(schema["type"], "object")
        for parameter in schema["properties"].values():
            self.assertIsInstance(parameter, dict)
        self.assertLessEqual(set(schema.get("required", ())), set(schema["properties"]))

    def test_schema(self) -> None:
        """What a language model is shown is JSON Schema (Draft 2020-12), and the arguments of this test are right by
        it."""
        if find_spec("jsonschema") is None:
            raise SkipTest("the package jsonschema is not installed")
        validator = import_module("jsonschema").Draft202012Validator
        schema = json.loads(json.dumps(self.make_tool().parameters))
        validator.check_schema(schema)
        validator(schema).validate(dict(self.arguments))

    def test_works(self) -> None:
        """With good arguments, it answers with a text that is no error."""
        result = self.use(self.arguments)
        self.assertIsInstance(result, ToolResult)
        self.assertFalse(result.error, result.text)
        self.assertTrue(result.text)

    def test_more_than_asked_for(self) -> None:
        """An argument that nobody asked for changes nothing."""
        self.assertEqual(self.use({**self.arguments, "nobody_asked": [1]}), self.use(self.arguments))

    def test_two_at_once(self) -> None:
        """Calls do not know of each other: each gets its own answer."""
        alone = self.use(self.arguments)
        answers: list[Any] = []
        tool = self.make_tool()
        for _ in range(2):
            tool.run(FakeCall(clock=self.clock), self.arguments).addBoth(answers.append)
        for _ in range(100):
            self.advance(tool.timeout / 100)
        self.assertEqual(answers, [alone, alone])

    def test_nonsense(self) -> None:
        """Whatever the arguments are, it answers, or fails with ToolFailed and a sentence, and with nothing else."""
        self._sensible(self.use({}))
        for name in self.make_tool().parameters["properties"]:
            for odd in ODD:
                self._sensible(self.use({**self.arguments, name: odd}))

    def test_cancel(self) -> None:
        """Cancelling ends it whenever it comes, at once and quietly, and leaves nothing to be done later."""
        tool = self.make_tool()
        standing = [due.func for due in self.pending()]
        for moment in range(10):
            running = tool.run(FakeCall(clock=self.clock, pace=1.0), self.arguments)
            self.advance(moment * tool.timeout / 100)
            if running.called:
                return  # it is over by then, or waits for nothing
            running.cancel()
            self.failureResultOf(running, CancelledError)
            self.advance(1)
            self.assertEqual([due for due in self.pending() if due.func not in standing], [])
            self.assertEqual(self.left_open(), 0, "whoever is asked still works on it")

    def _sensible(self, answer: Any) -> None:
        if isinstance(answer, Failure):
            answer.trap(ToolFailed)
            self.assertTrue(str(answer.value))
        else:
            self.assertIsInstance(answer, ToolResult)
