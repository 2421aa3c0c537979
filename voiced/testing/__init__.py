"""Published: doubles and contract tests, for voiced's own plugins and for other people's. Only tests import it."""
