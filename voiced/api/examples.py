"""One example of each message, for the OpenAPI document; they are messages themselves, so they cannot be wrong."""

from __future__ import annotations

from voiced.api.messages import (
    Agent,
    Call,
    Calls,
    Disclosure,
    Done,
    Faulty,
    Initiated,
    Line,
    OutboundCall,
    Position,
    Problem,
    Reload,
    Step,
    Summary,
    Transfer,
    Version,
    Wrong,
)
from voiced.call.records import Direction, Ending

SID = "CA0123456789abcdef0123456789abcdef"
BEGAN, SOON, LATER = (f"2026-03-01T09:00:{second:02}.000+00:00" for second in (0, 4, 30))

OUTBOUND_CALL = OutboundCall(
    number="+14155550100",
    flow="reminder",
    prompt="You remind Ann of her appointment tomorrow at nine.",
    first_message="Hello Ann, this is the practice of Dr. Grey.",
    variables={"name": "Ann"},
    timeout=30,
    idempotency_key="reminder-2026-03-01-ann",
)
INITIATED = Initiated(sid=SID)
TRANSFER = Transfer(to="+14155550199", timeout=20)
ENDING = Done(message="The call is ending", sid=SID)
OVER = Done(message="The call is over", sid=SID)
TRANSFERRING = Done(message="The call is being transferred", sid=SID)
SUMMARY = Summary(
    sid=SID,
    state="ended",
    account="main",
    direction=Direction.OUTBOUND,
    caller="+1•••••••••23",
    called="+1•••••••••00",
    flow="reminder",
    began=BEGAN,
    answered=SOON,
    ended=LATER,
    seconds=30.0,
    ending=Ending.COMPLETED,
)
CALLS = Calls([SUMMARY])
CALL = Call(
    sid=SID,
    state="live",
    stage="running",
    account="main",
    direction=Direction.OUTBOUND,
    caller="+14155550123",
    called="+14155550100",
    flow="reminder",
    began=BEGAN,
    answered=SOON,
    seconds=12.5,
    answered_by="human",
    placed_by="crm",
    version="3f0c9a51d2be",
    streams=1,
    first_audio_ms=180.0,
    position=[Position("reminder", "talk", 1)],
    steps=[Step(node="talk", step=1, verb="agent", began=SOON)],
    disclosures=[Disclosure(text="You are speaking with an AI.", language="en", time=SOON, seconds=1.9, heard=True)],
    agents=[
        Agent(
            agent="practice",
            began=SOON,
            ready_ms=420.0,
            lines=1,
            transcript=[Line(who="agent", text="Hello Ann, this is the practice of Dr. Grey.", time=SOON)],
        )
    ],
)
RELOADED = Reload(version=Version("3f0c9a51d2be", BEGAN), flows=["reminder", "welcome"], restart=["listen"])
FAULTY = Faulty(
    error="1 fault in the settings: nothing has changed; `voiced check` finds them, too",
    faults=[Wrong("/etc/voiced/flows/welcome.yaml", 7, 13, "no node is called 'mian'; did you mean 'main'?")],
)
WRONG = Problem(error="Phone number is required", path="number")
REFUSED = Problem(error="calls to this region are not allowed", rule="allow")
NO_KEY = Problem(error="this needs an API key: Authorization: Bearer …")
OFF = Problem(error="the API is off: set `api.keys` in voiced.yaml")
NOT_ALL = Problem(error="this key is for some flows only, and a reload is of them all")
UNKNOWN = Problem(error="there is no such call")
TYPE = Problem(error="the body must be application/json or application/x-www-form-urlencoded: say so in Content-Type")
FULL = Problem(error="200 calls are live")
NOT_NOW = Problem(error="the call cannot be transferred now: it is ringing")
REUSED = Problem(error="this idempotency key stands for another request", path="idempotency_key")
CARRIER = Problem(error="Twilio refuses our credentials: check account_sid and auth_token", code=20003)
UNSURE = Problem(error="Twilio did not answer in time")
