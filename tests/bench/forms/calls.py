"""Turns function-calling cases into cases of forms: an answer must be a call of one of the offered functions.

    python calls.py CASES.jsonl OUTPUT.jsonl

A case has "id", "messages" and "tools" as the OpenAI API has them. A model of random weights writes a text without bounds without
end, so texts, lists and numbers are bounded here; what the tools say stays.
"""

import json
import sys

TEXT, ITEMS, NUMBER = 24, 3, 10**6


def bounded(schema):
    if not isinstance(schema, dict):
        return schema
    schema = {key: value for key, value in schema.items() if key not in ("description", "default", "title")}
    for key in ("properties", "$defs"):
        if key in schema:
            schema[key] = {name: bounded(part) for name, part in schema[key].items()}
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = bounded(schema[key])
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if key in schema:
            schema[key] = [bounded(part) for part in schema[key]]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" in kinds and "enum" not in schema:
        schema.setdefault("maxLength", TEXT)
    if "array" in kinds:
        schema["maxItems"] = min(schema.get("maxItems", ITEMS), max(ITEMS, schema.get("minItems", 0)))
        schema.setdefault("items", {"type": "integer", "minimum": 0, "maximum": 9})
    if ("integer" in kinds or "number" in kinds) and "enum" not in schema:
        schema.setdefault("minimum", -NUMBER)
        schema.setdefault("maximum", NUMBER)
    if "object" in kinds:
        schema.setdefault("additionalProperties", False)
    return schema


def call(function):
    parameters = bounded(function.get("parameters") or {"type": "object", "properties": {}})
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": parameters},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def main():
    source, target = sys.argv[1:]
    with open(target, "w", encoding="utf-8") as out:
        for case in map(json.loads, open(source, encoding="utf-8")):
            prompt = "\n".join(message["content"] for message in case["messages"] if message.get("content"))
            schema = {"anyOf": [call(tool["function"]) for tool in case["tools"]]}
            line = {"id": case["id"], "prompt": prompt[-2000:], "schema": schema}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
