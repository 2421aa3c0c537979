"""A telephony daemon: YAML call flows that mix spoken prompts and live AI agents, carried by Twilio."""
