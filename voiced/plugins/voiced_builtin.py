"""The plugins that come with voiced, by name. Nothing behind these names is imported before it is chosen."""

from voiced.maker import Maker

elevenlabs_voice = Maker("voice", "elevenlabs", "ElevenLabs text to speech", "voiced.speech.elevenlabs")
local_voice = Maker("voice", "local", "A voice that runs on this machine (English)", "voiced.speech.local")

table_lookup = Maker("lookup", "table", "Callers written down in voiced.yaml", "voiced.lookups.table")

say = Maker("step", "say", "Speak a text", "voiced.call.steps.speech.Say")
play = Maker("step", "play", "Play a sound file", "voiced.call.steps.speech.Play")
pause = Maker("step", "pause", "Keep silent for some seconds", "voiced.call.steps.speech.Pause")
menu = Maker("step", "menu", "Ask for a key, and go to its node", "voiced.call.steps.digits.Menu")
goto = Maker("step", "goto", "Go on at another node", "voiced.call.steps.routing.Goto")
hangup = Maker("step", "hangup", "End the call", "voiced.call.steps.routing.Hangup")
lookup = Maker("step", "lookup", "Find out who is calling", "voiced.call.steps.routing.Lookup")
agent = Maker("step", "agent", "Let an agent talk with the caller", "voiced.call.steps.handover.Agent")
