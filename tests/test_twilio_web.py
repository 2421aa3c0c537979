"""What is answered to paths that are nearly a route's."""

from tests.house import House, flow, say


class PathTests(House):
    def test_no_redirect(self) -> None:
        """Nobody is sent elsewhere, by a URL that tells our own port: what is no route is 404."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        for path in ("/call//incoming", "/call/incoming/", "/call/connection//x", "/call/connection/x//", "/call//"):
            for method in ("GET", "POST", "HEAD", "OPTIONS"):
                self.assertEqual(self.answered(method, path), (404, False), (method, path))

    def test_no_redirect_by_the_api(self) -> None:
        """The API does not either."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        for path in ("//openapi.json", "/openapi.json/", "/calls//x", "/calls/"):
            self.assertEqual(self.answered("GET", path), (404, False), path)
            self.assertFalse(self.answered("POST", path)[1], path)

    def answered(self, method: str, path: str) -> tuple[int, bool]:
        """The status of an answer, and whether it says where else to go."""
        answer = self.network.http().request(method, f"http://daemon{path}", allow_redirects=False)
        self.passes(0)
        response = self.successResultOf(answer)
        return response.code, response.headers.hasHeader("Location")
