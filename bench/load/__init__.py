"""The load generator: the carrier's side of many calls and a double of ElevenLabs' Agents, in one process of its own.

    python -m bench.load CERTIFICATE KEY      orders on stdin, answers on stdout (bench.load.orders), a line each

It shares no code with voiced's simulator, which is made to find faults; this one is made to cost little: picows and
uvloop, messages that are pasted rather than built, one clock for both ends, so that a time stamp in the caller's
audio that comes back as the agent's says how long the program under test has kept it.
"""
