"""Templates fill places with facts, and do nothing else."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.template import Place, Template

FACTS = {"party.name": "Ann", "call.party": "+14155550123", "empty": ""}

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
