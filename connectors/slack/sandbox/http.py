"""The outer side of the Slack emulator: one call of a method, and how Slack words a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

Row = dict[str, Any]


class Refused(Exception):
    """Slack says no: HTTP 200 with ``{"ok": false, "error": code}``, and what else it tells."""

    def __init__(self, code: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(code)
        self.body = {"ok": False, "error": code, **more}
        self.status = status
        self.headers = dict(headers or {})


@dataclass(slots=True)
class Call:
    """One call. ``args`` come from the query, a form or a JSON object, whatever was sent."""

    method: str
    name: str
    args: Row
    headers: Mapping[str, str]
    request_id: str
    warnings: list[str] = field(default_factory=list)
    scopes: frozenset[str] | None = None

    def text(self, name: str) -> str:
        value = self.args.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("true", "1")

    def number(self, name: str, default: int) -> int:
        text = self.text(name)
        return int(text) if text.isdigit() else default

    def structure(self, name: str) -> Any:
        """An argument that is JSON: as such in a JSON body, as text elsewhere."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value


Method = Callable[[Call], Row]


def call_of(request: Request, raw: bytes, request_id: str) -> Call:
    """What the emulator needs of an HTTP request. Raises `Refused` for a body that cannot be read."""
    query = request.scope["query_string"].decode("latin-1")
    args: Row = dict(parse_qsl(query, keep_blank_values=True))
    call = Call(request.method, str(request.path_params["method"]), args, request.headers, request_id)
    if request.method != "POST" or not raw:
        return call
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    match kind.strip().lower():
        case "application/x-www-form-urlencoded":
            args |= dict(parse_qsl(raw.decode(), keep_blank_values=True))
        case "application/json":
            if "charset" not in rest.lower():
                call.warnings.append("missing_charset")
            try:
                sent = orjson.loads(raw)
            except orjson.JSONDecodeError:
                raise Refused("invalid_json") from None
            if not isinstance(sent, dict):
                raise Refused("json_not_object")
            args |= sent
        case "":
            raise Refused("missing_post_type")
        case _:
            raise Refused("invalid_post_type")
    return call


def answer(call: Call | None, body: Row, status: int, headers: Mapping[str, str]) -> Response:
    if call is not None and call.warnings:
        metadata = {**body.get("response_metadata", {}), "warnings": call.warnings}
        body = {**body, "warning": ",".join(call.warnings), "response_metadata": metadata}
    sent = dict(headers)
    if call is not None:
        sent["x-slack-req-id"] = call.request_id
        if call.scopes is not None:
            sent["x-oauth-scopes"] = ",".join(sorted(call.scopes))
    return Response(orjson.dumps(body), status, sent, "application/json; charset=utf-8")
