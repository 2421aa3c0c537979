"""The plugins that come with voiced, by name. Nothing behind these names is imported before it is chosen."""

from voiced.maker import Maker

elevenlabs_voice = Maker("voice", "elevenlabs", "ElevenLabs text to speech", "voiced.speech.elevenlabs")
local_voice = Maker("voice", "local", "A voice that runs on this machine (English)", "voiced.speech.local")

elevenlabs_agent = Maker("agent", "elevenlabs", "An agent of ElevenLabs Agents", "voiced.agents.elevenlabs")
openai_agent = Maker("agent", "openai", "OpenAI Realtime", "voiced.agents.openai")
local_agent = Maker("agent", "local", "An agent that runs on this machine (English)", "voiced.agents.local")

table_lookup = Maker("lookup", "table", "Callers written down, here or in a CSV or YAML file", "voiced.lookups.table")
web_lookup = Maker("lookup", "web", "Callers that a web service knows (JSON over HTTP)", "voiced.lookups.web")
sql_lookup = Maker("lookup", "sql", "Callers in a database: one SELECT, never a change", "voiced.lookups.sql")

hang_up_tool = Maker("tool", "hang_up", "End the call", "voiced.agents.tools.hang_up")
transfer_tool = Maker("tool", "transfer_call", "Put the caller through to a human", "voiced.agents.tools.transfer")
dtmf_tool = Maker("tool", "send_dtmf", "Press keys, as tones", "voiced.agents.tools.dtmf")
opt_out_tool = Maker("tool", "opt_out", "Never call this number again", "voiced.agents.tools.opt_out")
http_tool = Maker("tool", "http", "Ask a web service", "voiced.agents.tools.http")

say = Maker("step", "say", "Speak a text", "voiced.call.steps.speech.Say")
play = Maker("step", "play", "Play a sound file", "voiced.call.steps.speech.Play")
pause = Maker("step", "pause", "Keep silent for some seconds", "voiced.call.steps.speech.Pause")
menu = Maker("step", "menu", "Ask for a key, and go to its node", "voiced.call.steps.digits.Menu")
gather = Maker("step", "gather", "Ask for a number, key by key", "voiced.call.steps.digits.Gather")
voicemail = Maker("step", "voicemail", "Take a message", "voiced.call.steps.message.Voicemail")
record = Maker("step", "record", "Record what the caller says", "voiced.call.steps.message.Record")
set_facts = Maker("step", "set", "Set facts", "voiced.call.steps.facts.Set")
journal = Maker("step", "journal", "Write facts down in the call's record", "voiced.call.steps.facts.Journal")
hours = Maker("step", "hours", "Go on within the opening hours", "voiced.call.steps.hours.Hours")
dice = Maker("step", "random", "Go to one of several nodes, by chance", "voiced.call.steps.sharing.Random")
limit = Maker("step", "limit", "Let so many calls at once into a part", "voiced.call.steps.sharing.Limit")
queue = Maker("step", "queue", "Let callers wait in line for a human", "voiced.call.steps.queue.Queue")
choose = Maker("step", "choose", "Go where a fact says", "voiced.call.steps.routing.Choose")
transfer = Maker("step", "transfer", "Connect the caller with a human", "voiced.call.steps.handover.Transfer")
goto = Maker("step", "goto", "Go on at another node", "voiced.call.steps.routing.Goto")
hangup = Maker("step", "hangup", "End the call", "voiced.call.steps.routing.Hangup")
http = Maker("step", "http", "Ask a web service", "voiced.call.steps.asking.Http")
sms = Maker("step", "sms", "Send the caller a text message", "voiced.call.steps.texting.Sms")
lookup = Maker("step", "lookup", "Find out who is calling", "voiced.call.steps.lookup.Lookup")
agent = Maker("step", "agent", "Let an agent talk with the caller", "voiced.call.steps.handover.Agent")
call = Maker("step", "call", "Walk through another flow, and come back", "voiced.call.steps.calling.Call")
back = Maker("step", "return", "Go back to the flow that has called this one", "voiced.call.steps.calling.Return")
