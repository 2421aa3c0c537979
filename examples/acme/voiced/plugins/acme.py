"""What Acme adds to voiced, by name. Nothing behind these names is imported before it is chosen."""

from voiced.maker import Maker

voice = Maker("voice", "acme", "Acme's announcer: recorded sentences and digits", "acme_voiced.voice")
step = Maker("step", "parcel_number", "Ask for the number of a parcel", "acme_voiced.step.ParcelNumber")
lookup = Maker("lookup", "acme", "Acme's customers, and the parcel each waits for", "acme_voiced.lookup")
tool = Maker("tool", "acme_parcel", "Where a parcel of Acme's is", "acme_voiced.tool")
