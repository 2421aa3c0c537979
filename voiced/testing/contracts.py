"""Published: what each interface promises, as a test class that any implementation can run.

Mix one into a trial test case and say how to make the thing that is tested; the module of each shows how.
"""

from voiced.testing.agent_contract import AgentContract
from voiced.testing.dialect_contract import AgentDialectContract
from voiced.testing.lookup_contract import CallerLookupContract
from voiced.testing.step_contract import StepContract
from voiced.testing.tool_contract import AgentToolContract
from voiced.testing.voice_contract import TTSEngineContract

__all__ = [
    "AgentContract",
    "AgentDialectContract",
    "AgentToolContract",
    "CallerLookupContract",
    "StepContract",
    "TTSEngineContract",
]
