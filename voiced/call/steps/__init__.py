"""The verbs of a flow: each file holds those of one kind, each verb is one class."""
