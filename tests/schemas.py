"""The published JSON Schemas, as a judge of what commands print."""

import json

import jsonschema

from handbook.parts import DOCS
from handbook.schemas import file_of

SCHEMAS = DOCS / "reference" / "schemas"


def check_json(text: str) -> str:
    """Hold one or several JSON objects, one a line, against the schema that they name; returns its name and version."""
    contents = [text] if text.startswith("{\n") else text.splitlines()
    (name,) = {json.loads(each)["schema"] for each in contents}
    schema = json.loads((SCHEMAS / file_of(name)).read_text("utf-8"))
    for each in contents:
        jsonschema.Draft202012Validator(schema).validate(json.loads(each))
    return name
