"""Where a parcel is: what an agent is told."""

from typing import Any

from acme_voiced.testing import KEY, URL, AcmeService
from acme_voiced.tool import Settings, make
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import ToolFailed
from voiced.ivoiced import IAgentTool, ToolResult
from voiced.testing.contracts import AgentToolContract
from voiced.testing.fakes import FakeTools


class ParcelStatusContract(AgentToolContract, SynchronousTestCase):
    """It keeps what tools promise."""

    arguments = {"number": "473124829"}
    status = 200

    def make_tool(self) -> IAgentTool:
        """Beside Acme's service in memory."""
        self.clock = Clock()
        self.acme = AcmeService(self.clock)
        self.acme.status = self.status
        return make(Settings(URL, KEY), FakeTools(self.clock, http=self.acme.http))

    def left_open(self) -> int:
        """What the service still works on."""
        return self.acme.open

    def refusal(self, number: Any) -> str:
        """What the agent is told of a number that will not do."""
        failure = self.use({"number": number})
        failure.trap(ToolFailed)
        return str(failure.value)

    def test_answer(self) -> None:
        """The state and the town, as a sentence; a model may write a number in groups."""
        self.assertEqual(self.use({"number": "473 124-829"}), ToolResult("The parcel is underway, in Oakland."))

    def test_numbers(self) -> None:
        """No number, and one of no parcel: the agent knows what to say next."""
        self.assertIn("read out its nine digits once more", self.refusal("473124828"))
        self.assertIn("read out its nine digits once more", self.refusal(473124829.0))
        self.assertEqual(self.refusal("000000005"), "There is no parcel of this number.")

    def test_trouble(self) -> None:
        """The agent is told that it failed; why is the operator's."""
        self.status = 500
        self.assertEqual(self.refusal("473124829"), "Nobody can say now where the parcel is.")
