"""Templates fill places with facts, and do nothing else."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.template import Place, Template

FACTS = {"party.name": "Ann", "call.party": "+14155550123", "empty": "", "code": "42", "price": "3.5"}

FILLED = [
    ("", ""),
    ("Good morning.", "Good morning."),
    ("{party.name}", "Ann"),
    ("Hello {party.name}, welcome.", "Hello Ann, welcome."),
    ("Hello {party.name|there}.", "Hello Ann."),
    ("Hello {party.first|there}.", "Hello there."),
    ("Hello {empty|there}.", "Hello there."),
    ("Hello {party.first}.", "Hello ."),
    ("Hello {party.first|}.", "Hello ."),
    ("{ party.name |x}", "Ann"),
    ("{a|b|c}", "b|c"),
    ("{order-id|-}", "-"),
    ("{{party.name}}", "{party.name}"),
    ("{{{party.name}}}", "{Ann}"),
    ("{call.party}{party.name}", "+14155550123Ann"),
    ("%s $x {party.name.__class__|no}", "%s $x no"),
    ("{code:digits}", "4 2"),
    ("{ code : digits | none }", "4 2"),
    ("{gone:money EUR|nothing}", "nothing"),
    ("{price:money EUR}", "3.50 euros"),
]

BROKEN = [
    ("{", 1),
    ("}", 1),
    ("Hello {}", 7),
    ("Hello {party name}", 7),
    ("Hello {1}", 7),
    ("Hello {party.}", 7),
    ("Hello {.name}", 7),
    ("Hello {party.name!r}", 7),
    ("Hello {party.name:>9}", 7),
    ("Hello {party[0]}", 7),
    ("Hello {party.name|{x}}", 7),
    ("a { b c } d", 3),
    ("{a:}", 1),
    ("{a:money EUR USD}", 1),
]

FORMATS = [
    ("{a} {b:loud}", "in the place at character 5, there is no format 'loud'"),
    ("{b:money XXQ}", "in the place at character 1, 'XXQ' is no currency"),
]


class TemplateTests(SynchronousTestCase):
    def test_filling(self):
        """Each text, filled."""
        for source, text in FILLED:
            self.assertEqual(Template.parse(source).fill(FACTS), text, source)

    def test_broken(self):
        """A brace that makes no place is refused, with its column and the way to write a plain one."""
        for source, column in BROKEN:
            error = self.assertRaises(ValueError, Template.parse, source)
            self.assertIn(f"character {column} ", str(error), source)
            self.assertIn("for a plain brace", str(error), source)

    def test_facts(self):
        """What it reads is known without filling it, in order."""
        template = Template.parse("{a.b|x} and {c} and {{d}}")
        self.assertEqual(template.facts, ("a.b", "c"))
        self.assertEqual(template.parts[0], Place("a.b", "x"))
        self.assertFalse(template.static)

    def test_formats(self):
        """A format that there is not is refused, with its column."""
        for source, sentence in FORMATS:
            self.assertIn(sentence, str(self.assertRaises(ValueError, Template.parse, source)))

    def test_constants(self):
        """A constant stands for itself, unless it is said in a format; it is no template again."""
        template = Template.parse("{shop} {shop:digits} {name}", {"shop": "{name}"})
        self.assertEqual(template.facts, ("shop", "name"))
        self.assertEqual(template.fill({"shop": "a1", "name": "Ann"}), "{name} a 1 Ann")

    def test_wordings(self):
        """Of several wordings the language's own is said, then that without its region, else the first."""
        wordings = {"en": "Good morning, {name|you}.", "de": "Guten Morgen, {name}.", "pt-BR": "Bom dia."}
        template = Template.worded({tag: Template.parse(text) for tag, text in wordings.items()})
        said = {tag: template.fill({"name": "Ann"}, tag) for tag in ("en", "de-AT", "pt-BR", "fr", "")}
        english = "Good morning, Ann."
        self.assertEqual(list(said.values()), [english, "Guten Morgen, Ann.", "Bom dia.", english, english])
        self.assertEqual((template.facts, template.needs, template.static), (("name", "name"), ("name",), False))
        self.assertEqual([wording.language for wording in template.wordings], ["en", "de", "pt-BR"])

    def test_wordings_in_their_own_language(self):
        """A wording says its facts in its own language, also where another one is spoken."""
        price = Template.parse("{price:money EUR}")
        template = Template.worded({"de": price, "en-GB": price})
        said = [template.fill(FACTS, tag).replace("\u00a0", " ") for tag in ("de", "en-GB", "fr")]
        self.assertEqual(said, ["3,50 Euro", "3.50 euros", "3,50 Euro"])

    def test_missing(self):
        """What it would say nothing for is known, unless somebody has said that this is right."""
        template = Template.parse("{party.name} {gone} {gone|} {empty} {none|x}")
        self.assertEqual(template.missing(FACTS), ["gone", "empty"])

    def test_plain(self):
        """Any text, whatever stands in it."""
        self.assertEqual([Template.plain(text).fill({}) for text in ("", "{a}")], ["", "{a}"])

    def test_static(self):
        """A text without places is the same for every caller."""
        self.assertTrue(Template.parse("{{plain}}").static)
        self.assertEqual(Template.parse("").parts, ())

    @given(st.text())
    def test_any_text(self, source):
        """Any text is a template or is refused; escaping its braces always makes it one."""
        self.assertEqual(Template.parse(source.replace("{", "{{").replace("}", "}}")).fill({}), source)
        try:
            self.assertEqual(Template.parse(source).source, source)
        except ValueError as error:
            self.assertIn("brace at character", str(error))

    @given(st.text())
    def test_facts_are_not_templates(self, value):
        """What a caller is called is never read as a template again."""
        self.assertEqual(Template.parse("<{name|x}>").fill({"name": value}), f"<{value or 'x'}>")
