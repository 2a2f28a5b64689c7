"""QAD, played: token endpoint, browses with described columns, and the metadata of the customer record.

Collections: customers (browse cm300), contacts (cm803), orders (so803).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.qad.sandbox import browses
from connectors.qad.sandbox.instance import Instance, Row
from ml_connector.sandbox.world import FaultRule, World

CLIENT_ID = "ml-connector"
USER = "mlc"
PASSWORD = "sandbox-password"  # noqa: S105  # of a user that exists in the sandbox only
WORKSPACE = "10USA_10USACO"
ROOT = "/clouderp"


class QadEmulator:
    """One instance under ``/qad/clouderp``."""

    system = "qad"
    faults = frozenset(
        {
            "error_in_200",  # code, field: an error in the body of a 200
            "no_rows",  # 200 without rows
            "cap_page",  # rows: never more than so many rows a page
            "lie_has_more",  # each page says that it is the last one
            "mutate_while_paging",  # rows: so many customers of a page change once it was served
            "repeat_pages",  # each further page is the first one again
        }
    )

    def __init__(self, world: World) -> None:
        self.world = world
        self.instance = Instance(world)
        self.reset()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(f"{ROOT}/oauth/token", self.token, methods=["POST"]),
            Route(f"{ROOT}/api/qracore/browses", self.browses, methods=["GET"]),
            Route(f"{ROOT}/api/qracore/entitymetadatas", self.metadata, methods=["GET"]),
        ]

    def reset(self) -> None:
        self.instance.reset()
        self.denied: frozenset[str] = frozenset()
        self.session_seconds = 3600.0
        self._sessions: dict[str, float] = {}

    def configure(self, settings: dict[str, Any]) -> None:
        """``denied`` browses, ``session_seconds``, ``rename_browse`` (old, new), ``rename_column`` (URN, old, new)."""
        for name, value in settings.items():
            match name:
                case "denied":
                    self.denied = frozenset(value)
                case "session_seconds":
                    self.session_seconds = float(value)
                case "rename_browse":
                    self.instance.rename_browse(*value)
                case "rename_column":
                    self.instance.rename_column(*value)
                case _:
                    raise ValueError(f"there is no setting {name}")

    def expire_tokens(self) -> None:
        self._sessions.clear()

    def seed(self, collection: str, count: int, seed: int) -> int:
        return self.instance.seed(collection, count, seed)

    def state(self, collection: str) -> list[Row]:
        return self.instance.collection(collection).rows

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:
        return self.instance.mutate(collection, change)

    async def token(self, request: Request) -> Response:
        """A session for a user and a password; the password in the address would end up in logs, so it is refused."""
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("client_id") != CLIENT_ID:
            return JSONResponse({"error": "invalid_client"}, 401)
        if form.get("grant_type") != "password" or (form.get("username"), form.get("password")) != (USER, PASSWORD):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = secrets.token_urlsafe(24)
        self._sessions[token] = time.time() + self.session_seconds
        answer = {"access_token": token, "refresh_token": secrets.token_urlsafe(24), "token_type": "bearer"}
        return JSONResponse({**answer, "expires_in": int(self.session_seconds)})

    async def browses(self, request: Request) -> Response:
        def odd(fault: str) -> FaultRule | None:
            return self.world.faults.armed(self.system, fault, "GET", request.url.path.partition(self.system)[2])

        if not self._admits(request):
            return _gateway("401", "Unauthorized")
        urn = request.query_params.get("browseId", "")
        if urn in self.denied or request.headers.get("x-qad-workspace-id", WORKSPACE) != WORKSPACE:
            return _gateway("403", "Access is denied")
        if rule := odd("error_in_200"):
            body = browses.refused(rule.params.get("field", ""), "An error occurred.", rule.params.get("code"))
            return JSONResponse(body)
        return JSONResponse(browses.answer(request.query_params, self.instance, odd))

    async def metadata(self, request: Request) -> Response:
        """Codes are PascalCase here, and camelCase in records."""
        if not self._admits(request):
            return _gateway("401", "Unauthorized")
        known = request.query_params.get("entityURI") == "urn:be:com.qad.base.customer.ICustomerV2"
        fields = [{"entityFieldCode": code} for code in ("CustomerCode", "SharedSetCode", "LastModifiedDate")]
        found = [{"entityFields": fields, "apiUrl": "api/erp/customerV2s"}] if known else []
        return JSONResponse({"data": {"entityMetadatas": found}})

    def _admits(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._sessions.get(token, 0.0) > time.time()


def _gateway(code: str, message: str) -> Response:
    error = {"severity": 1, "code": code, "message": message, "fieldName": ""}
    return JSONResponse({"errors": [error]}, int(code))
