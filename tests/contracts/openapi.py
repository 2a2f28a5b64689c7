"""Checks requests against a vendor's OpenAPI document.

Requests only: what vendors answer holds nulls and attributes that their own documents forbid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Json = Any
DOCUMENT = "urn:openapi"
PAGING = frozenset({"page", "per_page", "page[size]", "page[after]", "page[before]", "sort", "include"})
"""Documented in prose for every list, and declared for few."""

ZENDESK_AMENDMENTS: dict[str, Json] = {
    # The document knows text and numbers as values of custom fields. A checkbox takes a boolean and null empties a
    # field: https://developer.zendesk.com/api-reference/ticketing/organizations/organization_fields/
    "/components/schemas/OrganizationWrite/properties/organization_fields/additionalProperties": {},
    # Side-loading of identities works where the document does not show it, Zendesk's staff says:
    # https://support.zendesk.com/hc/en-us/community/posts/4410103990042
    "/paths/~1api~1v2~1users~1show_many/parameters": [{"name": "include", "in": "query", "schema": {"type": "string"}}],
    # "Search Organizations" declares external_id as an integer; external ids are text.
    # https://developer.zendesk.com/api-reference/ticketing/organizations/organizations/
}


class OpenApi:
    """One document of OpenAPI 3.0. ``amendments`` (JSON pointer -> value) set right what it says wrongly."""

    def __init__(self, path: Path, amendments: Mapping[str, Json] | None = None) -> None:
        document = json.loads(path.read_bytes())
        for pointer, value in (amendments or {}).items():
            _put(document, pointer, value)
        self._paths: dict[str, Json] = document["paths"]
        self._document = document
        self._templates = [(_pattern(template), template) for template in sorted(self._paths, key=_by_parameters)]
        _as_json_schema(document)
        self._registry: Registry[Json] = Registry().with_resource(DOCUMENT, DRAFT202012.create_resource(document))

    def operation_id(self, method: str, path: str) -> str | None:
        """The operation that answers ``method`` at ``path``; None if the document has none."""
        found = self._operation(method, path)
        return None if found is None else str(found[1].get("operationId"))

    def check_request(self, method: str, path: str, query: Mapping[str, str], body: Json = None) -> list[str]:
        """What is wrong with a request, in sentences; empty if nothing is. ``path`` is without the query."""
        found = self._operation(method, path)
        if found is None:
            return [f"{method} {path} is not in the document"]
        item, operation = found
        parameters = [self._resolved(one) for one in item.get("parameters", []) + operation.get("parameters", [])]
        return [*_query_problems(method, parameters, query), *self._body_problems(operation, body)]

    def _operation(self, method: str, path: str) -> tuple[Json, Json] | None:
        for pattern, template in self._templates:
            if method.lower() in self._paths[template] and pattern.fullmatch(path):
                return self._paths[template], self._paths[template][method.lower()]
        return None

    def _body_problems(self, operation: Json, body: Json) -> Iterator[str]:
        declared = self._resolved(operation.get("requestBody", {}))
        if body is None:
            if declared.get("required"):
                yield "the body is missing"
            return
        if not declared:
            yield "there is a body, and the document has none"
            return
        schema = declared["content"]["application/json"]["schema"]
        validator = Draft202012Validator(schema, registry=self._registry)
        for error in validator.iter_errors(body):
            where = "/".join(str(part) for part in error.absolute_path)
            yield f"body {where or '(root)'}: {error.message}"

    def _resolved(self, node: Json) -> Json:
        while isinstance(node, dict) and "$ref" in node:
            node = _get(self._document, node["$ref"].removeprefix(f"{DOCUMENT}#"))
        return node


def _query_problems(method: str, parameters: list[Json], query: Mapping[str, str]) -> Iterator[str]:
    declared = {one["name"]: one for one in parameters if one["in"] == "query"}
    allowed = declared.keys() | (PAGING if method.upper() == "GET" else frozenset())
    for name in query:
        if name not in allowed:
            yield f"query parameter {name} is not in the document"
    for name, parameter in declared.items():
        if parameter.get("required") and name not in query:
            yield f"query parameter {name} is missing"


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^/}]+\}", template)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


def _by_parameters(template: str) -> int:
    """Fewer parameters first: ``/users/me`` before ``/users/{user_id}``."""
    return template.count("{")


def _as_json_schema(node: Json) -> None:
    """``nullable`` of OpenAPI 3.0 in the words of JSON Schema, and references that hold outside the document."""
    if isinstance(node, list):
        for value in node:
            _as_json_schema(value)
    elif isinstance(node, dict):
        if node.get("nullable") is True and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        if isinstance(node.get("$ref"), str) and node["$ref"].startswith("#"):
            node["$ref"] = DOCUMENT + node["$ref"]
        for value in node.values():
            _as_json_schema(value)


def _get(document: Json, pointer: str) -> Json:
    for part in pointer.strip("/").split("/"):
        document = document[_unescaped(part)]
    return document


def _put(document: Json, pointer: str, value: Json) -> None:
    parent, _, name = pointer.rpartition("/")
    _get(document, parent)[_unescaped(name)] = value


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
