"""URLs with places: what can be written, and what can be put into them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voiced.net.headers import is_settable, is_value
from voiced.net.url import UrlTemplate

WRONG = [
    ("ftp://x.example/", "must be like https://"),
    ("https://{x}.example/", "must be like https://"),
    ("https://x.example:0/", "must be like https://"),
    ("https://x.example:99999/", "must be like https://"),
    ("https://ann:k-123@x.example/", "must not hold a user's name"),
    ("https://a..b/", "a host that no DNS can know"),
    ("http://-x.example/", "a host that no DNS can know"),
    ("https://x_y.example/", "a host that no DNS can know"),
    (f"https://{'x' * 70}.example/", "a host that no DNS can know"),
    ("https://x.example/a b", "must be plain ASCII"),
    ("https://x.example/#a", "must be plain ASCII"),
    ("https://x.example/{a", "a brace without its other one"),
    ("https://x.example/a/../b", "as a part of its path"),
]


class UrlTests(SynchronousTestCase):
    """What operators write."""

    def test_parts(self) -> None:
        """Its host, its places, and whether it is encrypted."""
        url = UrlTemplate.parse("HTTPS://X.example:8443/a/{b}?c={d}")
        self.assertEqual((url.host, url.names, url.encrypted), ("x.example", ["b", "d"], True))
        self.assertFalse(UrlTemplate.parse("http://[fd00::1]/").encrypted)
        self.assertEqual(UrlTemplate.parse("http://[fd00::1]/").host, "fd00::1")

    def test_wrong(self) -> None:
        """Whatever is no such URL has a sentence, which does not repeat it."""
        for text, words in WRONG:
            error = self.assertRaises(ValueError, UrlTemplate.parse, text)
            self.assertIn(words, str(error))
            self.assertNotIn("k-123", f"{error} {UrlTemplate.parse('https://x.example/?k-123')!r}")

    def test_filled(self) -> None:
        """Values are quoted, and go where they belong; the rest to the query."""
        url = UrlTemplate.parse("https://x.example/a/{b}?c={d}")
        filled = url.fill({"b": "x/y", "d": True}, {"e": "f&g", "h": 1})
        self.assertEqual(filled, "https://x.example/a/x%2Fy?c=true&e=f%26g&h=1")
        self.assertEqual(UrlTemplate.parse("https://x.example/a").fill({}, {}), "https://x.example/a")

    def test_nowhere_else(self) -> None:
        """A value that is nothing, or that climbs, is refused."""
        url = UrlTemplate.parse("https://x.example/a/{b}/c")
        for value in ("", "..", ".", "../d", "..\\d", "..;x/d"):
            self.assertRaises(ValueError, url.fill, {"b": value}, {})


class HeaderTests(SynchronousTestCase):
    """Headers that operators have sent."""

    def test_good_and_wrong(self) -> None:
        """What can be sent is; what says how the request is sent, or holds a line break, is not."""
        self.assertTrue(is_settable("Authorization") and is_value("Bearer k-123"))
        self.assertEqual([name for name in ("Host", "a b", "", "Content-Length") if is_settable(name)], [])
        self.assertEqual([text for text in ("a\r\nb: c", "ü", "", " a") if is_value(text)], [])
