"""The carrier's REST API for text messages: what is taken, and everything that can be refused."""

from hypothesis import given
from hypothesis import strategies as st

from tests.test_simulator_daemon import NUMBER
from tests.test_simulator_rest import RestTestCase
from voiced.simulator.orders import Fields
from voiced.simulator.refusal import Refusal
from voiced.simulator.texts import LONGEST, read

PERSON = "+14155550177"
TEXT = {"To": PERSON, "From": NUMBER, "Body": "Hello."}

REFUSED = [
    ({"To": ""}, 21604),
    ({"From": ""}, 21603),
    ({"Body": ""}, 21602),
    ({"Body": "x" * (LONGEST + 1)}, 21617),
    ({"To": "4155550177"}, 21211),
    ({"To": "sip:ann@example.com"}, 21211),
    ({"From": "Acme"}, 21212),
    ({"To": NUMBER}, 21266),
    ({"From": "+14155550199"}, 21659),
]
"""What is written instead -> Twilio's code."""

SEGMENTS = [
    ("x", 1),
    ("x" * 160, 1),
    ("x" * 161, 2),
    ("x" * 306, 2),
    ("x" * 307, 3),
    ("€" * 80, 1),
    ("€" * 81, 2),
    ("ж" * 70, 1),
    ("ж" * 71, 2),
    ("😀" * 35, 1),
    ("😀" * 36, 2),
]
"""A text, and as how many it is billed."""


class TextTests(RestTestCase):
    """POST …/Messages.json."""

    def send(self, **form):
        """Ask for a text."""
        return self.answer("POST", "Messages.json", {**TEXT, **form})

    def test_taken(self):
        """It is queued, has a name, and is on the carrier's list; it is not a call."""
        status, found = self.send()
        self.assertEqual((status, found["status"], found["direction"]), (201, "queued", "outbound-api"))
        self.assertEqual((found["to"], found["from"], found["body"]), (PERSON, NUMBER, "Hello."))
        (text,) = self.carrier.texts
        self.assertEqual((text.sid, text.to, text.from_, text.body), (found["sid"], PERSON, NUMBER, "Hello."))
        self.assertEqual(self.carrier.placed, [])

    def test_refused(self):
        """Each slip has Twilio's code, and nothing is sent."""
        for form, code in REFUSED:
            status, found = self.send(**form)
            self.assertEqual((status, found["code"]), (400, code), form)
        self.assertEqual(self.carrier.texts, [])

    def test_refused_numbers(self):
        """A number that the account may not text, and, on trial, any that was not verified."""
        self.carrier.refuse_texts(PERSON)
        self.assertEqual(self.send()[1]["code"], 21610)
        self.carrier.account.trial = True
        self.assertEqual(self.send(To="+14155550178")[1]["code"], 21608)
        self.carrier.account.verified.add("+14155550178")
        self.assertEqual(self.send(To="+14155550178")[0], 201)

    def test_caller_id(self):
        """A verified number of somebody else's shows on calls, and sends no texts."""
        self.carrier.account.verified.add("+14155550199")
        self.assertEqual(self.send(From="+14155550199")[1]["code"], 21659)

    def test_trouble(self):
        """It goes wrong as every request can; nobody reads the messages."""
        self.carrier.fail_rest(429)
        self.assertEqual([self.send()[0] for _ in range(2)], [429, 201])
        self.assertEqual(self.answer("POST", "Messages.json", TEXT, token="wrong")[0], 401)
        self.assertEqual(self.answer("GET", "Messages.json")[0], 404)

    def test_segments(self):
        """How many messages a long one is billed as: by the alphabet it needs."""
        for body, segments in SEGMENTS:
            self.assertEqual(self.send(Body=body)[1]["num_segments"], str(segments), body[:1] + str(len(body)))

    @given(st.dictionaries(st.sampled_from([*TEXT]), st.text()))
    def test_nonsense(self, form):
        """Whatever is sent is a text or refused."""
        try:
            text = read(Fields(list({**TEXT, **form}.items())), self.carrier.account)
            self.assertGreater(text.segments, 0)
        except Refusal as refusal:
            self.assertEqual(refusal.answer()[0], 400)
