"""Destinations: which numbers exist, whose they are, which are risky, and who may be called."""

from __future__ import annotations

import phonenumbers
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import Refused
from voiced.guard.destinations import caller, destination
from voiced.guard.patterns import Kind, Pattern, closest, mentions
from voiced.guard.permission import permitted
from voiced.guard.prices import Prices, cost
from voiced.guard.risky import RANGES, bounded, risk
from voiced.guard.rules import Outbound

ORDINARY = [
    ("+14155552671", "US", "San Francisco"),
    ("+16045550123", "CA", "Vancouver, in +1 as well"),
    ("+18765551234", "JM", "Jamaica: +1, and not the United States"),
    ("+18092345678", "DO", "Dominican Republic"),
    ("+12462345678", "BB", "Barbados"),
    ("+17872345678", "PR", "Puerto Rico"),
    ("+18002345678", "US", "toll-free"),
    ("+18009765123", "US", "toll-free, with the exchange that is premium elsewhere"),
    ("+442079460958", "GB", "London"),
    ("+447400123456", "GB", "British mobile"),
    ("+447624123456", "IM", "Isle of Man: +44, and not Britain"),
    ("+441182345678", "GB", "Reading: its area code is 118, and is no directory enquiry"),
    ("+4915112345678", "DE", "German mobile"),
    ("+493012345678", "DE", "Berlin"),
    ("+33612345678", "FR", "French mobile"),
    ("+390612345678", "IT", "Rome, with its zero"),
    ("+77011234567", "KZ", "Kazakhstan: +7, and not Russia"),
    ("+8613812345678", "CN", "Chinese mobile"),
    ("+5511912345678", "BR", "Sao Paulo mobile"),
    ("+4570123456", "DK", "a Danish business"),
    ("+80012345678", "001", "international freephone"),
]

RISKY = [
    ("+870773111632", "Inmarsat"),
    ("+8816234567890", "satellite"),
    ("+881812345678", "satellite"),
    ("+8821612345678", "international networks"),
    ("+883510012345", "international networks"),
    ("+878101234567890", "universal personal"),
    ("+80812345678", "shared cost"),
    ("+979123456789", "international premium"),
    ("+19002345678", "premium"),
    ("+12129765123", "premium"),
    ("+447012345678", "personal"),
    ("+449098790000", "premium"),
    ("+448431234567", "shared revenue"),
    ("+448712345678", "shared revenue"),
    ("+499001234567", "premium"),
    ("+491803123456", "shared cost"),
    ("+491371234567", "mass calls"),
    ("+33810123456", "shared cost"),
    ("+33892123456", "premium"),
    ("+33899123456", "premium"),
    ("+15005550006", "personal"),
    ("+447640123456", "pager"),
    ("+16002012345", "satellite"),
    ("+61147101234", "satellite"),
    ("+79541234567", "satellite"),
    ("+31841234567", "personal assistant"),
    ("+31871234567", "personal assistant"),
    ("+351707123456", "shared cost"),
    ("+351708123456", "shared cost"),
    ("+351760123456", "premium"),
    ("+81570123456", "shared cost"),
    ("sip:+19002345678@gateway.example", "premium"),
    ("sip:19002345678@gateway.example", "premium"),
    ("sip:0019002345678@gateway.example", "premium"),
    ("sip:01119002345678@gateway.example", "premium"),
    ("sip:01188162345678@gateway.example", "satellite"),
    ("sip:+1-900-234-5678@gateway.example", "premium"),
    ("sip:+1(900)234.5678@gateway.example", "premium"),
    ("sips:+19002345678@gateway.example:5061;transport=tls", "premium"),
    ("sip:+19002345678,1@gateway.example", "premium"),
    ("sip:+19002345678w1@gateway.example", "premium"),
]

NOT_CLEAR = [
    "sip:911@gateway.example",
    "sip:+911@gateway.example",
    "sip:9-1-1@gateway.example",
    "sip:112,1@gateway.example",
    "sip:200@gateway.example",
    "sip:4155552671@gateway.example",  # within the United States
    "sip:6563234567@gateway.example",  # Singapore, or Florida
    "sip:09098790000@gateway.example",  # premium rate, within the United Kingdom
    "sip:9002345678@gateway.example",
    "sip:001114155552671@gateway.example",
    "sip:+4402079460958@gateway.example",
    "sip:+15551234567@gateway.example",
    "sip:++14155552671@gateway.example",
    "sip:*6714155552671@gateway.example",
    "sip:9,14155552671@gateway.example",
    "sip:_19002345678@gateway.example",
    "sip:+14155552671,1@gateway.example",
    "sip:14155552671x5@gateway.example",
    "sip:7ann@gateway.example",
    "sip:-@gateway.example",
]
"""SIP addresses of which nobody can say what their gateway would dial."""

THE_SAME = [
    "+14155552671",
    "sip:+14155552671@pbx.example",
    "sip:+14155552671@other.example:5060",
    "sips:+14155552671@pbx.example",
    "sip:14155552671@pbx.example",
    "sip:0014155552671@pbx.example",
    "sip:01114155552671@pbx.example",
    "sip:+1-415-555-2671@pbx.example",
    "sip:1(415)555.2671@pbx.example",
    "sip:+14155552671,1@pbx.example",
]
"""Spellings of one number."""

ONE_CALLER = [
    "+79261234567",
    "79261234567",
    "0079261234567",
    "01179261234567",
    "+7 (926) 123-45-67",
    "tel:+79261234567",
    "tel:+7-926-123-45-67;phone-context=example.com",
    "TEL:79261234567",
    "sip:+79261234567@trunk.example",
    "sips:+79261234567@trunk.example",
    "SIP:+79261234567@other.example:5060;user=phone",
    "sip:+79261234567;isub=1@trunk.example;transport=udp?x=y",
    "sip:+79261234567:password@trunk.example",
    "sip:%2B79261234567@trunk.example",
    "sip:+7-926-123-45-67@[2001:db8::1]:5060",
    "sip:79261234567@t",
    "sip:0079261234567@t",
]
"""Spellings of one caller."""

NO_NUMBERS = [
    "",
    "+",
    "911",
    "+1911",
    "+112",
    "4155552671",
    "+1415555267",
    "+141555526711",
    "+1 415 555 2671",
    "+1415555FLOW",
    "+\uff11\uff14155552671",
    "+14155552671;ext=5",
    "+14155552671\n",
    "tel:+14155552671",
    "+0044207946",
    "+4402079460958",
    "+999123456789",
    "client:ann",
    "sip:ann",
    "sip:@x.example",
    "sip:ann@x.example?Route=evil",
    "sip:ann@x.example;maddr=evil.example",
    "sip:ann@x.example@evil.example",
    "sip:ann@x.example\r\nX: y",
    "sip:a b@x.example",
    "http://x.example",
]
"""Not of the form of a number or SIP address, or of one that the carrier would read otherwise than we."""

NOT_GIVEN_OUT = ["+14155550", "+447700900123", "+15551234567"]

ALLOWED = [
    (["US"], "+14155552671", True),
    (["US"], "+18765551234", False),
    (["US", "JM"], "+18765551234", True),
    (["+1"], "+18765551234", True),
    (["+44"], "+442079460958", True),
    (["+44*"], "+442079460958", True),
    (["GB"], "+447624123456", False),
    (["+4420*"], "+442079460958", True),
    (["+4420*"], "+441182345678", False),
    (["+1 (415) 555-2671"], "+14155552671", True),
    (["+14155552671"], "+14155552672", False),
    ([], "+14155552671", False),
    (["sip:*@pbx.example"], "sip:ann@PBX.example;transport=tls", True),
    (["sip:*@pbx.example"], "sip:ann@evil-pbx.example", False),
    (["sip:*@pbx.example"], "sip:ann@pbx.example.evil.example", False),
    (["sip:ann@pbx.example"], "sip:ann@pbx.example:5061", True),
    (["sip:ann@pbx.example"], "sip:bob@pbx.example", False),
    (["US"], "sip:+14155552671@pbx.example", False),
]


def rules(allow: list[str], **more: object) -> Outbound:
    """Rules that allow these."""
    return Outbound(allow=tuple(map(Pattern.parse, allow)), **more)  # type: ignore[arg-type]


def refusal(to: str, outbound: Outbound, *, named: bool = False) -> str:
    """The rule that refuses to call there; "" when none does."""
    try:
        permitted(destination(to), outbound, 0.0, named=named)
    except Refused as refused:
        return refused.rule
    return ""


class DestinationTests(SynchronousTestCase):
    """Texts that are destinations, and those that are not."""

    def test_regions(self) -> None:
        """A number's region is its own, and not the first of its country code; nothing of these is risky."""
        for to, region, about in ORDINARY:
            found = destination(to)
            self.assertEqual((found.text, found.region, found.valid), (to, region, True), about)
            self.assertEqual(risk(to, found.number), "", about)

    def test_no_numbers(self) -> None:
        """What is not exactly a number is refused as such, before anything else is asked."""
        for text in NO_NUMBERS:
            self.assertEqual(self.assertRaises(Refused, destination, text).rule, "number", text)

    def test_not_given_out(self) -> None:
        """A number that nobody can have is refused, also where its prefix is allowed, or the operator names it."""
        everywhere = rules(["+1", "+44"])
        for to in NOT_GIVEN_OUT:
            with self.subTest(to):
                self.assertEqual({self.outcome(to, everywhere, named) for named in (False, True)}, {"number"})

    def outcome(self, to: str, outbound: Outbound, named: bool) -> str:
        """What refuses it, be it its form."""
        try:
            return refusal(to, outbound, named=named)
        except Refused as refused:
            return refused.rule

    def test_sip(self) -> None:
        """A SIP address counts by user and host; the number in it is the one its gateway would dial."""
        found = destination("SIPS:Ann@PBX.Example:5061;transport=tls")
        self.assertEqual((found.text, found.host, found.number), ("sips:Ann@pbx.example", "pbx.example", None))
        found = destination("sip:+14155552671@pbx.example")
        self.assertEqual(found.number, phonenumbers.parse("+14155552671"))

    @given(st.text() | st.from_regex(r"(\+|sips?:|tel:)?[0-9a-z@.,:;=+%()*-]*", fullmatch=True))
    @example("+9" * 8)
    @example("sip:%ff\ud800@[")
    def test_any_text(self, text: str) -> None:
        """Whatever it is, it is a destination or refused; and what is a caller never raises."""
        self.assertIsInstance(caller(text).who, str)
        self.assertIsInstance(
            mentions([Pattern.parse("US"), Pattern.parse("sip:+14155552671@x")], caller(text)), bool
        )
        try:
            found = destination(text)
        except Refused as refused:
            self.assertEqual(refused.rule, "number")
        else:
            self.assertTrue(found.host or found.text == text)

    def test_callers(self) -> None:
        """Of a caller everything is taken as the carrier says it."""
        self.assertEqual((caller("+18765551234").region, caller("+15550123").valid), ("JM", False))
        self.assertEqual(
            (caller("anonymous").text, caller("sip:Ann@X.example").text), ("anonymous", "sip:Ann@x.example")
        )

    def test_one_caller(self) -> None:
        """However a carrier spells a number, it is one caller, with one region, and denied as such."""
        for text in ONE_CALLER:
            found = caller(text)
            self.assertEqual((found.who, found.by_number().region), ("+79261234567", "RU"), text)
            for denied in ("+7926*", "RU", "+79261234567", "sip:79261234567@any.example"):
                self.assertTrue(mentions([Pattern.parse(denied)], found), (denied, text))
            self.assertFalse(mentions([Pattern.parse("+7927*"), Pattern.parse("sip:ann@t")], found), text)

    def test_other_callers(self) -> None:
        """Whoever has no number is told from others by name and host; extensions of two PBXs are two callers."""
        others = ["sip:ann@x.example", "sip:bob@x.example", "sip:ann@y.example", "sip:200@x.example", "client:ann"]
        others += ["sip:200@y.example", "sip:4155552671@x.example", "+15550123", "anonymous", "sip:x.example"]
        self.assertEqual(len({caller(text).who for text in others}), len(others))
        for same in ("SIP:Ann@X.example:5060", "sips:ann@x.example;user=ip"):
            self.assertEqual(caller(same).who, "sip:ann@x.example")

    def test_one_destination(self) -> None:
        """However a SIP address spells a number, it counts as that number; a name counts with its host."""
        self.assertEqual({destination(text).who for text in THE_SAME}, {"+14155552671"})
        for same in ("sip:ann@pbx.example", "sips:Ann@PBX.example:5061", "sip:ANN@pbx.example;transport=tcp"):
            self.assertEqual(destination(same).who, "sip:ann@pbx.example")
        self.assertEqual(destination("sip:2-00@pbx.example").who, "sip:200@pbx.example")


class RiskyTests(SynchronousTestCase):
    """Numbers that nobody calls by mistake."""

    def test_risky(self) -> None:
        """They are refused although all is allowed, with what they are."""
        everything = rules(["sip:*@gateway.example", *(f"+{digit}" for digit in range(1, 10))])
        for to, what in RISKY:
            refused = self.assertRaises(Refused, permitted, destination(to), everything, 0.0)
            self.assertEqual(refused.rule, "risky", to)
            self.assertIn(what, str(refused), to)

    def test_named_one_by_one(self) -> None:
        """The very number, or its own prefix, may be named; that allows it, and nothing beside it."""
        for named in ("+19002345678", "+1900*", "+1900234*"):
            outbound = rules(["US"], risky=(Pattern.parse(named),))
            self.assertEqual((refusal("+19002345678", outbound), refusal("+19012345678", outbound)), ("", ""), named)
            self.assertEqual(refusal("+447012345678", outbound), "risky", named)
        self.assertEqual(refusal("+881612345678", rules([], risky=(Pattern.parse("+8816*"),))), "")
        self.assertEqual(
            refusal("+88213123456", rules([], risky=(Pattern.parse("+88213*"),))), "", "unknown to the library"
        )

    def test_named_by_the_flow(self) -> None:
        """A target that the operator has written into the flow is not asked about."""
        self.assertEqual(refusal("+19002345678", Outbound(), named=True), "")

    def test_ordinary_numbers_of_all_countries(self) -> None:
        """No example of a fixed line, mobile or toll-free number of any country is taken for risky."""
        kinds = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE, PhoneNumberType.UAN)
        checked = 0
        for region in sorted(phonenumbers.SUPPORTED_REGIONS):
            for number in filter(None, (phonenumbers.example_number_for_type(region, kind) for kind in kinds)):
                checked += 1
                text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
                if text not in ("+351707123456", "+81570123456"):  # company-wide, at a price of their own
                    self.assertEqual(risk(text, number), "", region)
        self.assertGreater(checked, 500)

    def test_premium_numbers_of_all_countries(self) -> None:
        """Every example of a premium or shared-cost number of any country is risky."""
        kinds = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER)
        checked = 0
        for region in sorted(phonenumbers.SUPPORTED_REGIONS):
            for number in filter(None, (phonenumbers.example_number_for_type(region, kind) for kind in kinds)):
                checked += 1
                self.assertTrue(risk(phonenumbers.format_number(number, PhoneNumberFormat.E164), number), region)
        self.assertGreater(checked, 100)

    def test_bounded(self) -> None:
        """A prefix names one range, and not a continent's."""
        for prefix, good in [("+1900", True), ("+870", True), ("+449", True), ("+8816", True), ("+61190", True)]:
            self.assertIs(bounded(prefix), good, prefix)
        for prefix in ("+1", "+19", "+87", "+44", "+447"):
            self.assertIs(bounded(prefix), False, prefix)
        self.assertTrue(all(len(start) > 3 for start in RANGES))


class AllowedTests(SynchronousTestCase):
    """Who is named may be called, and nobody else."""

    def test_allowed(self) -> None:
        """Regions, prefixes, numbers, SIP hosts and addresses."""
        for allow, to, allowed in ALLOWED:
            self.assertEqual(refusal(to, rules(allow)), "" if allowed else "allow", (allow, to))

    def test_not_clear(self) -> None:
        """A SIP address that spells something to be dialled, and no clear number, has to be allowed in so many words:
        all of its host is not enough. In a flow it may stand."""
        for to in NOT_CLEAR:
            self.assertEqual(refusal(to, rules(["US", "GB", "SG", "sip:*@gateway.example"])), "number", to)
            self.assertEqual(refusal(to, rules(["sip:*@gateway.example", to])), "", to)
            self.assertEqual(refusal(to, Outbound(), named=True), "", to)

    def test_clear(self) -> None:
        """All of a host allows its names, and numbers in every spelling that is one."""
        for to in ("sip:ann@x.example", "sip:Ann.B-2@x.example", "sip:_ann@x.example", "sip:desk200@x.example"):
            self.assertEqual(refusal(to, rules(["sip:*@x.example"])), "", to)
        for to in THE_SAME[1:-1]:
            self.assertEqual(refusal(to, rules(["sip:*@pbx.example", "sip:*@other.example"])), "", to)

    def test_named(self) -> None:
        """What the operator has written down needs no further leave."""
        self.assertEqual(refusal("+14155552671", Outbound(), named=True), "")
        self.assertEqual(refusal("sip:desk@pbx.example", Outbound(), named=True), "")

    def test_do_not_call(self) -> None:
        """Who does not want to be called is not called, however it is written and whoever names it."""
        outbound = rules(["US", "sip:*@pbx.example"], dnc=frozenset({"+14155552671", "sip:ann@pbx.example"}))
        for to in (*THE_SAME[:2], "sip:ann@pbx.example:5060", "sips:ANN@pbx.example"):
            self.assertEqual((refusal(to, outbound), refusal(to, outbound, named=True)), ("dnc", "dnc"), to)
        for to in THE_SAME[1:]:
            written_out = rules([to], dnc=outbound.dnc)
            self.assertEqual((refusal(to, written_out), refusal(to, outbound, named=True)), ("dnc", "dnc"), to)
        self.assertEqual(refusal("+14155552672", outbound), "")

    def test_messages_name_nobody(self) -> None:
        """What a refusal says can be logged: no number is in it."""
        outbound = rules(["GB"], dnc=frozenset({"+442079460958"}))
        for to in ("+14155552671", "+442079460958", "+19002345678", "+14155550", "sip:4155552671@x.example"):
            with self.subTest(to):
                refused = self.assertRaises(Refused, lambda to: permitted(destination(to), outbound, 0.0), to)
                self.assertNotRegex(str(refused), r"\d{4}")


class PatternTests(SynchronousTestCase):
    """How destinations are named."""

    def test_kinds(self) -> None:
        """What each way of writing is."""
        for written, kind, text in [
            ("US", Kind.REGION, "US"),
            ("+44", Kind.PREFIX, "+44"),
            ("+44*", Kind.PREFIX, "+44"),
            ("+44 20 7*", Kind.PREFIX, "+44207"),
            ("+1 (415) 555-2671", Kind.NUMBER, "+14155552671"),
            ("sip:*@PBX.example", Kind.SIP_HOST, "pbx.example"),
            ("sip:Ann@PBX.example", Kind.SIP, "sip:Ann@pbx.example"),
        ]:
            self.assertEqual(Pattern.parse(written), Pattern(kind, text), written)

    def test_no_patterns(self) -> None:
        """What names nobody says what would."""
        for written in (
            "us",
            "XX",
            "USA",
            "44",
            "*",
            "+",
            "+*",
            "+44**",
            "+1415555267",
            "sip:*",
            "sip:*@",
            "",
            "\uff35\uff33",
        ):
            self.assertRaises(ValueError, Pattern.parse, written)

    def test_closest(self) -> None:
        """A number is closer than a long prefix, that than a region, and that than the country's code."""
        to = destination("+14155552671")
        patterns = [Pattern.parse(written) for written in ("+1", "US", "+1415*", "+14155552671")]
        while patterns:
            self.assertEqual(closest(patterns, to), patterns.pop())
        self.assertIsNone(closest([Pattern.parse("GB")], to))


class PriceTests(SynchronousTestCase):
    """What a call costs."""

    prices = Prices(
        {Pattern.parse("US"): 0.014, Pattern.parse("+1876*"): 0.3, Pattern.parse("sip:*@x.example"): 0.004}
    )

    def test_per_minute(self) -> None:
        """The closest entry, else the default, else none."""
        for to, price in [("+14155552671", 0.014), ("+18765551234", 0.3), ("sip:a@x.example", 0.004)]:
            self.assertEqual(self.prices.per_minute(destination(to)), price, to)
        self.assertIsNone(self.prices.per_minute(destination("+442079460958")))
        self.assertEqual(Prices(default=0.5).per_minute(destination("+442079460958")), 0.5)

    def test_cost(self) -> None:
        """A minute that has begun counts whole."""
        self.assertEqual([cost(2, seconds) for seconds in (0, 0.1, 60, 61)], [0, 2, 2, 4])
