"""The JSON Schema of policy files, for editors that complete and check them (taplo: `#:schema`).

What only the whole file can tell, such as a key that is missing, `policy check` says.
"""

from __future__ import annotations

import json

from .policy import Policy
from .policy_file import POLICIES

SCHEMA_FILE = POLICIES / "policy.schema.json"


def schema_text() -> str:
    """Return the schema as it is kept in `SCHEMA_FILE`.

    Nothing is required: a policy that extends another may leave out anything.
    """
    schema = Policy.model_json_schema()
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "A policy beside this one, or one of ours: its keys hold too.",
    }
    for part in (schema, *schema["$defs"].values()):
        part.pop("required", None)
    schema["$schema"] = "http://json-schema.org/draft-07/schema#"
    schema["title"] = "Policy of regiondo-sla"
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
