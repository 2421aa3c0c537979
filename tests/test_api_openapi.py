"""The OpenAPI document is valid, says what the API does, and is the same every time."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.test_api_memory import KEY, PUBLIC_URL, ApiTestCase
from voiced.api import examples, openapi
from voiced.api.messages import OutboundCall, Transfer, encode
from voiced.api.routes import PATHS, ApiRoutes
from voiced.call.records import Ending


def document() -> Any:
    """The document, as a client reads it."""
    return json.loads(encode(openapi.document(PUBLIC_URL)))


class DocumentTests(ApiTestCase):
    """The document."""

    def test_valid(self) -> None:
        """It is OpenAPI 3.1."""
        OpenAPIV31SpecValidator(document()).validate()

    def test_served(self) -> None:
        """It is there for everybody, and is the same each time it is made."""
        served = [self.ask("GET", "/openapi.json", key=key) for key in (KEY, None)]
        self.assertEqual(len({served[0].body, served[1].body, encode(openapi.document(PUBLIC_URL))}), 1)
        self.assertEqual(served[0].json["servers"], [{"url": PUBLIC_URL}])

    def test_all_routes(self) -> None:
        """Every route is in it, with its methods, and nothing else."""
        routed = {
            (rule.rule.replace("<sid>", "{sid}"), method.lower())
            for rule in ApiRoutes.app.url_map.iter_rules()
            for method in rule.methods - {"HEAD", "OPTIONS"}
        }
        written = {(path, method) for path, item in document()["paths"].items() for method in item}
        self.assertEqual(written, routed)
        self.assertTrue(all(path.startswith(PATHS) for path, _ in written))

    def test_key(self) -> None:
        """All but the document itself needs a key, and says so by 401."""
        for path, item in document()["paths"].items():
            for operation in item.values():
                keyed = path != "/openapi.json"
                self.assertEqual((bool(operation["security"]), "401" in operation["responses"]), (keyed, keyed))

    def test_examples(self) -> None:
        """Every example is good by its own schema."""
        whole, checked = document(), 0
        for item in whole["paths"].values():
            for operation in item.values():
                bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
                for content in (kind for body in bodies for kind in body.get("content", {}).values()):
                    if "example" in content:
                        schema = {**content["schema"], "components": whole["components"]}
                        jsonschema.validate(content["example"], schema, jsonschema.Draft202012Validator)
                        checked += 1
        self.assertGreater(checked, 30)

    def test_examples_are_read(self) -> None:
        """The examples of what is sent are what the API reads; of what is answered, what it writes."""
        for sent in (examples.OUTBOUND_CALL, examples.TRANSFER):
            self.assertEqual(msgspec.json.decode(encode(sent), type=type(sent)), sent)
        for answered in (examples.INITIATED, examples.ENDING, examples.CALLS, examples.CALL, examples.REFUSED):
            self.assertEqual(msgspec.json.decode(encode(answered), type=type(answered)), answered)

    def test_reference(self) -> None:
        """The names of the reference example are kept."""
        schemas = document()["components"]["schemas"]
        self.assertLessEqual({"number", "prompt", "first_message"}, set(schemas["OutboundCall"]["properties"]))
        self.assertEqual(schemas["Initiated"]["required"], ["success", "message", "callSid"])
        self.assertEqual(schemas["Problem"]["required"], ["success", "error", "code"])

    def test_endings(self) -> None:
        """The one list of endings is in it."""
        self.assertEqual(document()["components"]["schemas"]["Ending"]["enum"], sorted(each.value for each in Ending))

    def test_strict(self) -> None:
        """What comes in has no fields besides these."""
        schemas = document()["components"]["schemas"]
        for message in (OutboundCall, Transfer):
            self.assertIs(schemas[message.__name__]["additionalProperties"], False)

    def test_form(self) -> None:
        """A form has a field for each variable."""
        content = document()["paths"]["/outbound-call"]["post"]["requestBody"]["content"]
        schema = content["application/x-www-form-urlencoded"]["schema"]
        check = jsonschema.Draft202012Validator(schema)
        self.assertTrue(check.is_valid({"number": "+14155550100", "variables.name": "Ann"}))
        for wrong in ({"number": "1", "variables": "x"}, {"number": "1", "variables.0": "x"}, {"variables.a": "x"}):
            self.assertFalse(check.is_valid(wrong))

    def test_answers(self) -> None:
        """What the API answers is what the document says."""
        whole = document()
        for reply, name in (
            (self.ask("POST", "/outbound-call", {"number": "+14155550100"}), "Initiated"),
            (self.ask("POST", "/outbound-call", {}), "Problem"),
            (self.ask("GET", "/calls"), "Calls"),
        ):
            schema = {"$ref": f"#/components/schemas/{name}", "components": whole["components"]}
            jsonschema.validate(reply.json, schema, jsonschema.Draft202012Validator)
