"""Workday, played: SOAP, the token endpoint, REST, WQL and a report.

Collections: suppliers, supplier_invoices, purchase_orders, payments. The user is ``ISU_Zendesk`` of tenant ``acme``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.workday.sandbox import json_api, soap
from connectors.workday.sandbox.access import TENANT, Access
from connectors.workday.sandbox.books import Books, Row
from ml_connector.sandbox.world import FaultRule, World


class WorkdayEmulator:
    """One tenant."""

    system = "workday"
    faults = frozenset(
        {
            "throttle",  # SOAP: 500 with a fault that says so; for REST use the generic status 429
            "cap_page",  # rows: never more than so many records a page, and as many pages as if there were more
            "lie_has_more",  # each page says that it is the last one
            "mutate_while_paging",  # rows: so many suppliers of a page change, or invoices are paid, once it was served
            "short_page",  # an answer holds one record less than it says
            "latin_1",  # declared: an answer in ISO-8859-1 that says so in the XML, in the header, or nowhere
            "dtd_answer",  # declaration: an answer that declares a document type
        }
    )

    def __init__(self, world: World) -> None:
        self.world = world
        self.books = Books(world)
        self.reported: list[Row] = []
        """Further rows of the report: of what has gone since it was made."""
        self.access = Access()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(f"/ccx/service/{TENANT}/{{service}}/{{version}}", self.soap, methods=["POST"]),
            Route(f"/ccx/oauth2/{TENANT}/token", self.access.token, methods=["POST"]),
            Route(f"/ccx/api/procurement/v5/{TENANT}/purchaseOrders", self.purchase_orders, methods=["GET"]),
            Route(f"/api/wql/v1/{TENANT}/data", self.wql, methods=["GET", "POST"]),
            Route(f"/ccx/service/customreport2/{TENANT}/{{owner}}/Invoice_Status", self.report, methods=["GET"]),
        ]

    def reset(self) -> None:
        self.books.reset()
        self.reported.clear()
        self.access.reset()

    def configure(self, settings: dict[str, Any]) -> None:
        """``denied``: names of operations that the user may not do."""
        if unknown := settings.keys() - {"denied"}:
            raise ValueError(f"there is no setting {', '.join(sorted(unknown))}")
        self.access.denied = frozenset(settings["denied"])

    def expire_tokens(self) -> None:
        self.access.expire_tokens()

    def seed(self, collection: str, count: int, seed: int) -> int:
        return self.books.seed(collection, count, seed)

    def state(self, collection: str) -> list[Row]:
        return self.books.state(collection)

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:
        return self.books.mutate(collection, change)

    async def soap(self, request: Request) -> Response:
        def odd(fault: str) -> FaultRule | None:
            return self.world.faults.armed(self.system, fault, "POST", request.url.path.partition(self.system)[2])

        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        return soap.answer(
            await request.body(),
            request.path_params["service"],
            request.path_params["version"],
            bearer if kind == "Bearer" else "",
            self.books,
            self.access,
            odd,
        )

    async def purchase_orders(self, request: Request) -> Response:
        if not self.access.admits(request):
            return _unauthorized()
        return json_api.purchase_orders(request.query_params, self.books)

    async def wql(self, request: Request) -> Response:
        if not self.access.admits(request):
            return _unauthorized()
        if len(request.query_params.get("query", "")) > json_api.LONGEST:
            return json_api.refused("S22", "query")
        posted = await request.json() if request.method == "POST" else {}
        return json_api.wql({**request.query_params, **posted}, self.books)

    async def report(self, request: Request) -> Response:
        if not self.access.admits(request, basic=True):
            return _unauthorized()
        return json_api.report(self.books, self.reported)


def _unauthorized() -> Response:
    return JSONResponse({"error": "invalid_token", "errors": [{"error": "unauthorized", "code": "A0000"}]}, 401)
