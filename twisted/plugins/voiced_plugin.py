"""Tells twistd that there is a command `voiced`; the daemon itself is voiced/tap.py."""

from twisted.application.service import ServiceMaker

voiced = ServiceMaker("voiced", "voiced.tap", "Answers and places telephone calls as YAML flows say.", "voiced")
