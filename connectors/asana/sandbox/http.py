"""The outer side of the Asana emulator: one request, its answer, how Asana words a refusal, and ``opt_fields``."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response

Row = dict[str, Any]
API = "/api/1.0"


@dataclass(slots=True, frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, headers: Mapping[str, str]) -> Response:
        content = b"" if self.body is None else orjson.dumps(self.body)
        return Response(content, self.status, {**headers, **self.headers}, "application/json; charset=UTF-8")


class Refused(Exception):
    """Asana says no, in its words."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(message)
        body = {"errors": [{"message": message, "help": "For more information, see the documentation."}], **more}
        self.answer = Answer(status, body, headers or {})


@dataclass(slots=True)
class Write:
    """Who causes a write."""

    request_id: str
    user: str
    recorded: bool = True
    """False for what people do by hand: tests count only what reaches Asana through its API."""


@dataclass(slots=True)
class Call:
    """One request below the API's root."""

    method: str
    path: str
    """As it was sent, with what is escaped in its parts."""
    query: dict[str, str]
    headers: Mapping[str, str]
    raw: bytes
    write: Write
    params: dict[str, str] = field(default_factory=dict)
    token: str = ""
    by_oauth: bool = False

    def data(self, allowed: frozenset[str]) -> Row:
        """What was sent under ``data``: only attributes that can be written."""
        if "json" not in self.headers.get("content-type", ""):
            raise Refused(415, "The content type must be application/json")
        try:
            body = orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            raise Refused(400, "Could not parse request data, invalid JSON") from None
        if not isinstance(body, dict) or body.keys() - {"data", "options"}:
            raise Refused(400, "The only allowed keys at the top level are: data, options")
        data = body.get("data")
        if not isinstance(data, dict):
            raise Refused(400, "Missing input: data")
        for name in data:
            if name not in allowed:
                raise Refused(400, f"{name}: Cannot write this property")
        return data

    def show(self, row: Row) -> Row:
        """A single object, with ``opt_fields`` applied."""
        wanted = self.query.get("opt_fields")
        return row if wanted is None else selected(row, wanted.split(","))

    def page(self, rows: Sequence[Row], show: Callable[[Row], Row] = lambda row: row) -> Answer:
        """One page of a list, each row shown by ``show``; compact objects unless ``opt_fields`` asks for more."""
        limit, start = self._limit(), self._start(len(rows))
        wanted = self.query.get("opt_fields", "name").split(",")
        found = [selected(show(row), wanted) for row in rows[start : start + limit]]
        following = None
        if start + limit < len(rows):
            offset = f"eyJ{start + limit}"
            following = {"offset": offset, "path": f"{self.path}?limit={limit}&offset={offset}", "uri": ""}
        return Answer(200, {"data": found, "next_page": following})

    def _limit(self) -> int:
        limit = self.query.get("limit", "20")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            raise Refused(400, "limit: Must be between 1 and 100")
        return int(limit)

    def _start(self, count: int) -> int:
        offset = self.query.get("offset", "eyJ0")
        number = offset.removeprefix("eyJ")
        if not offset.startswith("eyJ") or not number.isdigit() or int(number) > count:
            raise Refused(400, "offset: Your pagination token is invalid.")
        return int(number)


Handler = Callable[[Call], Answer | Awaitable[Answer]]


@dataclass(slots=True, frozen=True)
class Endpoint:
    method: str
    template: str
    """Below the API's root: ``/tasks/{task_gid}``."""
    handler: Handler

    def match(self, call: Call) -> dict[str, str] | None:
        pattern = "/".join("([^/]+)" if part.startswith("{") else re.escape(part) for part in self.template.split("/"))
        found = re.fullmatch(pattern, call.path) if call.method == self.method else None
        if found is None:
            return None
        return dict(zip(re.findall(r"\{(\w+)\}", self.template), map(unquote, found.groups()), strict=True))


def call_of(request: Request, raw: bytes, request_id: str) -> Call:
    """What the emulator needs of an HTTP request."""
    scope = request.scope
    path = scope["raw_path"].decode("latin-1").partition("?")[0].partition(API)[2]
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return Call(request.method, path, query, request.headers, raw, Write(request_id, ""))


def selected(row: Row, paths: Sequence[str]) -> Row:
    """An object as ``opt_fields`` wants it; its gid is always there, and what it refers to is compact."""
    tree: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.strip().partition(".")
        tree.setdefault(name, []).extend([rest] if rest else [])
    shown = {name: row[name] for name in ("gid", "resource_type") if name in row}
    return shown | {name: _inner(row[name], below) for name, below in tree.items() if name in row}


def _inner(value: Any, paths: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_inner(one, paths) for one in value]
    if isinstance(value, dict) and (paths or "gid" in value):
        return selected(value, paths or ["name"])
    return value


def compact(gid: str, resource_type: str, name: str) -> Row:
    return {"gid": gid, "resource_type": resource_type, "name": name}


def unknown(what: str, gid: str) -> Refused:
    return Refused(404, f"{what}: Unknown object: {gid}")


def forbidden() -> Refused:
    """For what there is and the token's user may not see. https://developers.asana.com/docs/errors"""
    return Refused(403, "Forbidden")
