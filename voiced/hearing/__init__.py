"""Ears that run on this machine: voice activity and speech recognition (the extra `local`)."""
