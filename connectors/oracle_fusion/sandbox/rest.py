"""How Fusion's REST framework reads a request and writes rows, errors and descriptions.

https://docs.oracle.com/en/cloud/saas/financials/26d/farfa/Resource_Methods.html, and per framework version
https://docs.oracle.com/en/cloud/saas/sales/faaps/Set_the_REST_Framework_Version.html
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from connectors.oracle_fusion.sandbox.query import EVERYTHING, And, BadQuery, Condition, compare, parse
from connectors.oracle_fusion.sandbox.resources import LAST_UPDATE, Attribute, Resource, Row, Type, served
from connectors.oracle_fusion.sandbox.table import Table
from ml_connector.core import jsonx

VERSIONS = ("11.13.18.05", "latest")
DEFAULT_LIMIT, MAX_LIMIT = 25, 500
STRUCTURED_ERRORS, CHILD_COLLECTIONS, CONTEXT = 4, 3, 9
"""The framework versions from which errors are structured, children are collections, links stand in @context."""
_UNORDERED = random.Random("children")  # the same in every run
ERROR_TYPE = "application/vnd.oracle.adf.error+json"
ITEM_PARAMETERS = frozenset({"dependency", "expand", "fields", "links", "onlyData"})
COLLECTION_PARAMETERS = frozenset(
    {"expand", "fields", "finder", "limit", "links", "offset", "onlyData", "orderBy", "q", "totalResults"}
)


class Refused(Exception):
    """Fusion refuses the request; ``code`` is its own error code, without the JBO prefix as measured on pods."""

    def __init__(self, status: int, detail: str = "", code: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is not simply a JSON object with 200."""

    content: bytes
    status: int = 200
    media_type: str | None = None
    """None: JSON, as the request accepts it."""


@dataclass(frozen=True, slots=True)
class View:
    """What of a row is asked for."""

    version: int
    base_url: str
    fields: Mapping[str, tuple[str, ...]]
    """Attributes by the path of their collection: "" the row itself, ``lines``, ``lines.schedules``."""
    only_data: bool
    relations: frozenset[str] | None
    """Link relations to show; None for all."""
    below: str = ""
    """What stands before the resource's name in addresses: ``hubOrganizations/1001/child/``."""
    levels: int = 99
    """How deep ``expand`` goes; what is deeper is left out without a word."""


@dataclass(frozen=True, slots=True)
class CollectionQuery:
    """The parameters of a collection request, checked."""

    where: Condition
    order: tuple[tuple[str, bool], ...]
    offset: int
    limit: int
    total: bool


def framework_version(request: Request) -> int:
    """The REST-Framework-Version header; 1 where there is none."""
    asked = request.headers.get("rest-framework-version", "1")
    if asked not in "123456789" or len(asked) != 1:
        raise Refused(400, f"The framework version {asked} is not supported.")
    return int(asked)


def media_type(request: Request) -> str:
    """What to answer with. The error media type alone is answered with an empty 406, as measured on a pod."""
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")]
    if any(one in ("application/json", "*/*", "application/*") for one in accepted):
        return "application/json"
    for one in accepted:
        if one.startswith("application/vnd.oracle.adf.resource"):
            return one
    raise Refused(406)


def bytes_type(request: Request) -> str:
    """The media type of a large attribute's own address; 406 where that is not accepted."""
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")]
    if any(one in ("application/octet-stream", "application/*", "*/*") for one in accepted):
        return "application/octet-stream"
    raise Refused(406)


def json_object(request: Request) -> dict[str, Any]:
    """The body of a request that writes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/json" and not kind.startswith("application/vnd.oracle.adf.resourceitem"):
        raise Refused(415)
    try:
        body = jsonx.loads(request.state.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "The request body is not a valid JSON object.")
    return body


def check_version(request: Request) -> None:
    if request.path_params["version"] not in VERSIONS:
        raise Refused(404, "The version is not found.")


def check_parameters(request: Request, allowed: Iterable[str]) -> None:
    for name in request.query_params:
        if name not in allowed:
            raise Refused(400, f"URL request parameter {name} cannot be used in this context.", "29140")


def collection_query(request: Request, resource: Resource, version: int) -> CollectionQuery:
    """Read and check ``q``, ``finder``, ``orderBy``, ``offset``, ``limit`` and ``totalResults``."""
    check_parameters(request, COLLECTION_PARAMETERS | resource.parameters)
    asked = request.query_params
    try:
        conditions = [parse(asked["q"], resource, version)] if "q" in asked else []
        if "finder" in asked:
            conditions.append(_finder(asked["finder"], resource))
    except BadQuery as error:
        raise Refused(400, str(error), "29140") from None
    return CollectionQuery(
        where=And(tuple(conditions)) if conditions else EVERYTHING,
        order=tuple(_order(asked.get("orderBy", ""), resource)),
        offset=_number(asked.get("offset", "0"), "offset"),
        limit=min(_number(asked.get("limit", str(DEFAULT_LIMIT)), "limit") or DEFAULT_LIMIT, MAX_LIMIT),
        total=_flag(asked.get("totalResults", "false"), "totalResults"),
    )


def view(request: Request, resource: Resource, version: int, below: str = "", levels: int = 99) -> View:
    """Read and check ``fields``, ``expand``, ``onlyData`` and ``links``."""
    asked = request.query_params
    fields = {path: tuple(one.attributes) for path, one in _expanded(asked.get("expand", ""), resource).items()}
    if "fields" in asked:  # they win over expand
        own, *of_children = asked["fields"].split(";")
        fields = {"": tuple(name for name in _known(own, resource) if name not in resource.looked_up)}
        for part in of_children:
            path, _, names = part.partition(":")
            # parents that are not named themselves are there, without attributes
            fields = dict.fromkeys(_expanded(path, resource), ()) | fields | {path: _known(names, _at(path, resource))}
    relations = frozenset(asked["links"].split(",")) if "links" in asked else None
    only_data = _flag(asked.get("onlyData", "false"), "onlyData")
    base_url = f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}"
    return View(version, base_url, fields, only_data, relations, below, levels)


def item(resource: Resource, row: Row, asked: View) -> dict[str, Any]:
    """One row as served, with the rows below it that are asked for."""
    return _item(resource, row, asked, "", address(resource, asked))


def _item(resource: Resource, row: Row, asked: View, path: str, place: str) -> dict[str, Any]:
    values = _values(row, asked.fields[path], resource.attributes, asked.version)
    here = f"{place}/{url_key(resource, row)}"
    for name, child in resource.children.items():
        below = f"{path}.{name}".lstrip(".")
        if below not in asked.fields or below.count(".") >= asked.levels:
            continue
        # However many there are, no more than a default page come along with their parent; in no order, since expand
        # takes no orderBy, and a database promises none.
        some = _UNORDERED.sample(row[name], len(row[name]))[:DEFAULT_LIMIT]
        rows = [_item(child, one, asked, below, f"{here}/child/{name}") for one in some]
        has_more = len(row[name]) > DEFAULT_LIMIT
        values[name] = rows if asked.version < CHILD_COLLECTIONS else collection(rows, has_more, DEFAULT_LIMIT, 0, [])
    if not asked.only_data:
        _link(values, resource, row, asked, here)
    return values


def collection(items: list[Any], has_more: bool, limit: int, offset: int, links: list[Any]) -> dict[str, Any]:
    """A page as served."""
    return {
        "items": items,
        "count": len(items),
        "hasMore": has_more,
        "limit": limit,
        "offset": offset,
        "links": links,
    }


def collection_links(resource: Resource, asked: View) -> list[dict[str, Any]]:
    return [{"rel": "self", "href": address(resource, asked), "name": resource.name, "kind": "collection"}]


def address(resource: Resource, asked: View) -> str:
    return f"{asked.base_url}/{resource.api}/resources/{VERSIONS[0]}/{asked.below}{resource.name}"


def url_key(resource: Resource, row: Row) -> str:
    """What stands for the row in its URL; opaque for some resources: only ``links`` tells it."""
    if resource.key:
        return str(row[resource.key])
    return f"00020000000EACED00057708{row[resource.id]:016X}0000000EACED0005"


def by_url_key(table: Table, key: str) -> Row | None:
    """The row that ``url_key`` stands for."""
    resource = table.resource
    if resource.key is None:
        opaque = re.fullmatch(r"00020000000EACED00057708([0-9A-F]{16})0000000EACED0005", key)
        return table.rows.get(int(opaque[1], 16)) if opaque else None
    if resource.key == resource.id:
        return table.rows.get(int(key)) if key.isdecimal() else None
    return next(iter(table.find(resource.key, key)), None)


def change_indicator(resource: Resource, row: Row) -> str:
    """Another one after every change of the row."""
    digest = hashlib.sha1(f"{row[resource.id]}/{row[LAST_UPDATE]}".encode(), usedforsecurity=False).hexdigest()
    return f"ACED0005737200136A6176612E7574696C2E41727261794C697374{digest.upper()}"


def error_response(refused: Refused, request: Request, version: int) -> Response:
    """Plain text up to version 3, structured from 4 on; nothing where no form of error is accepted."""
    if not refused.detail:
        return Response(status_code=refused.status)
    if version < STRUCTURED_ERRORS:
        code = f" (JBO-{refused.code})" if refused.code else ""
        return Response(f"{refused.detail}{code}", refused.status, media_type="text/plain")
    detail = {"detail": refused.detail} | ({"o:errorCode": refused.code} if refused.code else {})
    title = {400: "Bad Request", 403: "Forbidden", 404: "Not Found"}.get(refused.status, "Error")
    body = {"title": title, "status": str(refused.status), "o:errorDetails": [detail]}
    accepted = request.headers.get("accept", "")
    kind = ERROR_TYPE if ERROR_TYPE in accepted else "application/json"
    return Response(jsonx.dumps(body), refused.status, media_type=kind)


def describe(resource: Resource) -> dict[str, Any]:
    """The description of a resource: what may be asked of it."""
    finders = [
        {"name": name, "attributes": [{"name": variable} for variable in variables]}
        for name, variables in resource.finders.items()
    ]
    return {
        "Resources": {
            resource.name: {
                "discrColumnType": False,
                "title": resource.name,
                "attributes": [_described(one) for one in resource.attributes.values()],
                "collection": {"rangeSize": DEFAULT_LIMIT, "finders": finders},
                "children": _described_below(resource),
            }
        }
    }


def _described_below(resource: Resource) -> dict[str, Any]:
    return {
        name: {"attributes": [_described(one) for one in child.attributes.values()]}
        | ({"children": _described_below(child)} if child.children else {})
        for name, child in resource.children.items()
    }


def _described(attribute: Attribute) -> dict[str, Any]:
    return {"name": attribute.name, "type": attribute.type, "updatable": False, "queryable": attribute.queryable}


def _values(row: Row, names: Iterable[str], known: Mapping[str, Attribute], version: int) -> dict[str, Any]:
    values = served({name: row[name] for name in names})
    if version >= CONTEXT:
        # Version 9 writes high-precision numbers and ids as strings: a double would round them.
        for name, value in values.items():
            if value is not None and (known[name].type is Type.NUMBER or name.endswith("Id")):
                values[name] = str(value)
    return values


def _link(values: dict[str, Any], resource: Resource, row: Row, asked: View, href: str) -> None:
    key = url_key(resource, row)
    indicator = change_indicator(resource, row)
    links: list[dict[str, Any]] = []
    for relation in ("self", "canonical"):
        if asked.relations is None or relation in asked.relations:
            links.append({"rel": relation, "href": href, "name": resource.name, "kind": "item"})
            if relation == "self":
                links[-1]["properties"] = {"changeIndicator": indicator}
    if asked.version < CONTEXT:
        values["links"] = links
    else:
        values["@context"] = {"key": key, "headers": {"ETag": f'"{indicator}"'}, "links": links}


def _finder(text: str, resource: Resource) -> Condition:
    name, _, variables = text.partition(";")
    if name not in resource.finders:
        raise BadQuery(f"The finder {name} is not found.")
    conditions = []
    for variable in variables.split(","):
        key, _, value = variable.partition("=")
        if key not in resource.finders[name]:
            raise BadQuery(f"The finder {name} has no variable {key}.")
        if key in resource.attributes:
            conditions.append(compare(resource, key, "=", value.strip("'")))
    return And(tuple(conditions))


def _order(text: str, resource: Resource) -> Iterable[tuple[str, bool]]:
    for part in filter(None, text.split(",")):
        name, _, direction = part.strip().partition(":")
        if name not in resource.attributes or direction not in ("", "asc", "desc"):
            raise Refused(400, "URL request parameter orderBy cannot be used in this context.", "29140")
        yield name, direction == "desc"


def _expanded(text: str, resource: Resource) -> dict[str, Resource]:
    """The collections by path: the row's own, those that ``expand`` names, and what lies between."""
    found = {"": resource}
    for path in [path for path in text.split(",") if path]:
        names = path.split(".")
        for depth in range(1, len(names) + 1):
            found[".".join(names[:depth])] = _at(".".join(names[:depth]), resource)
    return found


def _at(path: str, resource: Resource) -> Resource:
    for name in path.split("."):
        if name not in resource.children:
            raise Refused(400, f"The child {name} of {resource.name} is not found.", "29140")
        resource = resource.children[name]
    return resource


def _known(text: str, where: Resource) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in where.attributes:
            raise Refused(400, f"The attribute {name} of {where.name} is not found.", "29140")
    return names


def _number(text: str, name: str) -> int:
    if not text.isdecimal():
        raise Refused(400, f"The value of URL request parameter {name} is not valid.", "29140")
    return int(text)


def _flag(text: str, name: str) -> bool:
    if text not in ("true", "false"):
        raise Refused(400, f"The value of URL request parameter {name} is not valid.", "29140")
    return text == "true"
