"""The outer side of the Zendesk emulator: one request, its answer, and how Zendesk words a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

Row = dict[str, Any]
Problems = dict[str, list[dict[str, str]]]


@dataclass(slots=True, frozen=True)
class Answer:
    """A ``str`` body goes out as plain text, as some of Zendesk's errors do; None is an empty body."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, headers: Mapping[str, str]) -> Response:
        media_type = "text/plain; charset=utf-8" if isinstance(self.body, str) else "application/json; charset=utf-8"
        content = b"" if self.body is None else self.body if isinstance(self.body, str) else orjson.dumps(self.body)
        return Response(content, self.status, {**headers, **self.headers}, None if self.body is None else media_type)


class Refused(Exception):
    """Zendesk says no, with this answer."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.answer = Answer(status, body, headers or {})

    def summary(self) -> str:
        """What a job writes into ``details`` of an item that was refused."""
        body: Any = self.answer.body
        if "details" in body:
            details = [one if isinstance(one, list) else [one] for one in body["details"].values()]
            return "; ".join(problem["description"] for found in details for problem in found)
        return str(body.get("description", body["error"]))


@dataclass(slots=True)
class Write:
    """Who causes a write. ``lag`` is in seconds: how long it stays invisible to lists and searches."""

    request_id: str
    lag: float = 0.0
    recorded: bool = True
    """False for what agents do by hand: tests count only what reaches Zendesk through its API."""
    actor_id: int | None = None
    """The user who does it."""


@dataclass(slots=True)
class Call:
    """One request. ``path`` has no leading slash and no ``.json``; ``base`` is the origin that links begin with."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    base: str
    raw: bytes
    write: Write
    params: dict[str, str] = field(default_factory=dict)
    action: str = ""
    actor: Row | None = None
    token: str = ""
    unpermitted: list[str] = field(default_factory=list)

    def by_admin(self) -> bool:
        return self.actor is not None and self.actor["role"] == "admin"

    def require_admin(self) -> None:
        if not self.by_admin():
            raise forbidden()

    def body(self) -> Row:
        """The JSON object that was sent. What is not declared as JSON is not read: its parameters are missing."""
        if not self.raw or "json" not in self.headers.get("content-type", ""):
            return {}
        try:
            body = orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            raise Refused(422, {"error": "Unprocessable Entity", "message": "Server could not parse JSON"}) from None
        return body if isinstance(body, dict) else {}

    def one(self, name: str) -> Row:
        """The object under the root key ``name``."""
        value = self.body().get(name)
        if not value:
            raise missing(name)
        if not isinstance(value, dict):
            raise invalid_attribute(self, name, "be a hash")
        return value

    def many(self, name: str, too_many: Row) -> list[Row]:
        """The 1..100 objects under the root key ``name``; more are refused with ``too_many``."""
        value = self.body().get(name)
        if not value:
            raise missing(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid_attribute(self, name, "be an array of hashes")
        if len(value) > 100:
            raise Refused(400, too_many)
        return value

    def permit(self, attributes: Row, allowed: frozenset[str], root: str) -> Row:
        """The attributes that Zendesk knows; the names of the others go into a response header and no further."""
        self.unpermitted += [f"{root}.{name}" for name in attributes if name not in allowed]
        return {name: value for name, value in attributes.items() if name in allowed}

    def id(self, name: str) -> int:
        """A path parameter that is an id."""
        if not self.params[name].isdigit():
            raise invalid_attribute(self, "id", "be an integer")
        return int(self.params[name])

    def listed(self, name: str) -> list[str]:
        """A comma-separated query parameter of at most 100 values."""
        values = [value.strip() for value in self.query.get(name, "").split(",") if value.strip()]
        if len(values) > 100:
            raise Refused(400, TOO_MANY_VALUES)
        return values

    def listed_ids(self) -> list[int]:
        values = self.listed("ids")
        if not all(value.isdigit() for value in values):
            raise invalid_attribute(self, "ids", "be a comma-separated list of integers")
        return [int(value) for value in values]


TOO_MANY_VALUES = {
    "error": "TooManyValues",
    "description": "Parameter  cannot specify more than 100 values",  # the gap is Zendesk's own
    "max_count": 100,
}


def call_of(request: Request, raw: bytes, request_id: str) -> Call:
    """What the emulator needs of an HTTP request."""
    scope = request.scope
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    path = str(request.path_params["path"]).removesuffix(".json")
    base = f"{scope['scheme']}://{request.headers['host']}{scope['root_path']}"
    return Call(request.method, path, query, request.headers, base, raw, Write(request_id))


def missing(name: str) -> Refused:
    message = f"param is missing or the value is empty or invalid: {name}"
    return Refused(422, {"error": {"title": "Invalid attribute", "message": message}})


def invalid_attribute(call: Call, name: str, must: str) -> Refused:
    message = f"You passed an invalid value for the {name} attribute. Invalid parameter: {name} must {must}"
    return Refused(400, {"error": {"title": "Invalid attribute", "message": f"{message} from {call.action}"}})


def record_invalid(problems: Problems) -> Refused:
    # A phone number's is no list: https://gist.github.com/dpawluk/77ec3f245fb299f70291c9c180dfe008
    details = {name: found[0] if name == "phone" else found for name, found in problems.items()}
    body = {"error": "RecordInvalid", "description": "Record validation errors", "details": details}
    return Refused(422, body)


def problem(problems: Problems, name: str, description: str, error: str) -> None:
    """Note one more thing that is wrong with the attribute ``name``."""
    problems.setdefault(name, []).append({"description": description, "error": error})


def not_found() -> Refused:
    return Refused(404, {"error": "RecordNotFound", "description": "Not found"})


def existing(row: Row | None) -> Row:
    """The row, or Zendesk's 404."""
    if row is None:
        raise not_found()
    return row


def forbidden() -> Refused:
    message = (
        "You do not have access to this page. Please contact the account owner of this help desk for further help."
    )
    return Refused(403, {"error": {"title": "Forbidden", "message": message}})


def warning(call: Call) -> dict[str, str]:
    """The header that tells of ignored attributes, in Zendesk's (Ruby's) notation."""
    if not call.unpermitted:
        return {}
    controller, action = call.action.removeprefix("api/v2/").split("/")
    keys = ", ".join(f'"{name}"' for name in dict.fromkeys(call.unpermitted))
    value = (
        f'{{:allowed_parameters=>{{:controller=>"{controller}", :action=>"{action}", :unpermitted_keys=>[{keys}]}}}}'
    )
    return {"X-Zendesk-API-Warn": value}


@dataclass(slots=True, frozen=True)
class Endpoint:
    """``template`` is relative to ``/api/v2/``; ``scope`` the resource whose own OAuth scopes cover it, if any."""

    method: str
    template: str
    handler: Callable[[Call], Answer]
    scope: str = ""


class Endpoints:
    """Finds the endpoint of a request; words of a template win over its parameters."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._all = tuple(endpoints)
        self._fixed: dict[tuple[str, str], Endpoint] = {}
        self._templates: dict[tuple[str, int], list[tuple[list[str], Endpoint]]] = {}
        for endpoint in self._all:
            if "{" in endpoint.template:
                parts = endpoint.template.split("/")
                self._templates.setdefault((endpoint.method, len(parts)), []).append((parts, endpoint))
            else:
                self._fixed[endpoint.method, endpoint.template] = endpoint

    def all(self) -> tuple[Endpoint, ...]:
        return self._all

    def find(self, call: Call) -> Endpoint:
        """Sets the call's path parameters and action."""
        path = call.path.removeprefix("api/v2/")
        endpoint = self._fixed.get((call.method, path)) or self._matching(call, path.split("/"))
        if endpoint is None or path == call.path:
            raise Refused(404, {"error": "InvalidEndpoint", "description": "Not found"})
        call.action = f"api/v2/{path.split('/', 1)[0]}/{endpoint.handler.__name__}"
        return endpoint

    def _matching(self, call: Call, segments: list[str]) -> Endpoint | None:
        for parts, endpoint in self._templates.get((call.method, len(segments)), []):
            if all(part[0] == "{" or part == segment for part, segment in zip(parts, segments, strict=True)):
                pairs = zip(parts, segments, strict=True)
                call.params = {part[1:-1]: segment for part, segment in pairs if part[0] == "{"}
                return endpoint
        return None
