"""The other side of every wire: a telephone carrier to call the daemon with, in memory or over real sockets.

Shares no code with `voiced.twilio`, on purpose: a fault in both would hide.
"""
