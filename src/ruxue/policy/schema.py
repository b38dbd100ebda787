"""The published JSON Schema of a policy's document, made from the models."""

from __future__ import annotations

from typing import Any

from ruxue.policy.language import Policy

_PARAMETER = {
    "type": "string",
    "pattern": r"\$\{\w+\}",
    "description": "a parameter, or text with one: ${season}-08-31",
}


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a policy as it is written: every value may also be a `${parameter}`.

    It tells an editor what may stand where; what reaches across the document (names that must exist, what law forbids)
    is checked by `language.load`.
    """
    made: dict[str, Any] = _open(Policy.model_json_schema(by_alias=True))
    made["$defs"]["Parameter"] = _PARAMETER
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy of school enrollment",
        **{key: value for key, value in made.items() if key != "title"},
    }


def _open(node: Any) -> Any:
    """Lets a parameter stand for each value, and drops the titles that pydantic makes from names."""
    if isinstance(node, list):
        return [_open(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs"):
            out[key] = {
                name: _value(_open(entry)) if key == "properties" else _open(entry) for name, entry in value.items()
            }
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            out[key] = _value(_open(value))
        else:
            out[key] = _open(value)
    return out


def _value(node: Any) -> Any:
    if node.get("type") == "string" and "enum" not in node and "format" not in node:
        return node  # plain text holds a parameter anyway
    if "$ref" in node or node.get("type") == "object":
        return node
    return {"anyOf": [node, {"$ref": "#/$defs/Parameter"}]}
