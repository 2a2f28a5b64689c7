"""Oracle Fusion, played: REST, token endpoint and the customer profile service.

Collections by the names of the control interface: customers, contacts, accounts, suppliers, invoices, holds,
purchase_orders, journal_batches, receivables_invoices (or the vendor's own resource names), credit_profiles, and the
notes and attachments that others have made.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.oracle_fusion.sandbox import rest as rest
from connectors.oracle_fusion.sandbox import soap as soap
from connectors.oracle_fusion.sandbox.auth import IdentityDomain
from connectors.oracle_fusion.sandbox.catalogue import RESOURCES
from connectors.oracle_fusion.sandbox.customers import Customers
from connectors.oracle_fusion.sandbox.erp_integrations import NAME as ERP_INTEGRATIONS
from connectors.oracle_fusion.sandbox.erp_integrations import ErpIntegrations
from connectors.oracle_fusion.sandbox.pod import Pod
from connectors.oracle_fusion.sandbox.pod import Settings as PodSettings
from connectors.oracle_fusion.sandbox.resources import HUB_ORGANIZATIONS, Row
from connectors.oracle_fusion.sandbox.scheduled_requests import PATH as SCHEDULER
from connectors.oracle_fusion.sandbox.scheduled_requests import ScheduledRequests
from connectors.oracle_fusion.sandbox.table import Table
from ml_connector.core import jsonx
from ml_connector.sandbox.world import FaultRule, World

Handler = Callable[[Request, int], dict[str, Any] | rest.Answer]
SIGN_IN = "https://login.oracle-fusion.invalid/oam/server/obrareq.cgi"


class OracleFusionEmulator:
    """One pod with its identity domain."""

    system = "oracle_fusion"
    faults = frozenset(
        {
            "cap_page",  # rows: never more than so many rows a page, whatever the limit
            "lie_has_more",  # when: "offset" (default) says false as soon as offset > 0, "always" on every page
            "empty_has_more",  # no rows, but hasMore
            "ignore_offset",  # the first page, whatever the offset
            "mutate_while_paging",  # rows: so many rows of each page change right after it was served
            "too_heavy",  # rows: asked for more than so many, the gateway gives up: 504
            "redirect_to_login",  # 302 to the sign-in page
            "no_data_security",  # 200 without rows: the role is there, the data access is not
            "minus_one",  # a file for a process is refused, with 200
            "slow_job",  # seconds: how long the process takes that a file begins
            "child_failure",  # the process fails behind the loading of the rows, for no fault of theirs
            "loader_warning",  # the rows are loaded, and will be imported, and their loader ends with WARNING
            "late_import",  # seconds: how long after the end of the loader the import is submitted
        }
    )

    def __init__(self, world: World) -> None:
        self.world = world
        self.domain = IdentityDomain()
        self.pod = Pod(world)
        self.customers = Customers(world, self.pod, self.system)
        self.erp_integrations = ErpIntegrations(world, self.pod, self.system, self._armed)

    def routes(self) -> Sequence[BaseRoute]:
        routes = [
            Route("/oauth2/v1/token", self.domain.token, methods=["POST"]),
            Route("/oauth2/v1/authorize", self.domain.authorize, methods=["GET"]),
            Route("/fscmService/ReceivablesCustomerProfileService", self.customer_profile, methods=["POST"]),
        ]
        for name, resource in RESOURCES.items():
            # One route per resource, so that the requests are counted per resource.
            path = f"/{resource.api}/resources/{{version}}/{name}"
            for tail, handler in (("/describe", self.describe), ("", self.collection), ("/{key}", self.item)):
                routes.append(Route(path + tail, self._answering(partial(handler, name)), methods=["GET"]))
            if resource.children:
                below = self._answering(partial(self.below, name))
                routes.append(Route(f"{path}/{{key}}/child/{{below:path}}", below, methods=["GET"]))
        customer = f"/crmRestApi/resources/{{version}}/{HUB_ORGANIZATIONS.name}/{{key}}"
        for method, below, handle, media_type in self.customers.endpoints():
            routes.append(Route(customer + below, self._answering(handle, media_type), methods=[method]))
        integrations = f"/fscmRestApi/resources/{{version}}/{ERP_INTEGRATIONS}"
        routes.append(Route(integrations, self._answering(self.erp_integrations.submit), methods=["POST"]))
        routes.append(Route(integrations, self._answering(self.erp_integrations.find), methods=["GET"]))
        scheduler = ScheduledRequests(world=self.world, pod=self.pod, scheduler=self.erp_integrations.scheduler)
        for tail, answer in (("", scheduler.search), ("/{key}", scheduler.one)):
            routes.append(Route(SCHEDULER + tail, self._answering(answer), methods=["GET"]))
        for api in ("crmRestApi", "fscmRestApi"):
            routes.append(Route(f"/{api}/resources/", self._answering(self.versions), methods=["GET"]))
            routes.append(Route(f"/{api}/resources/{{rest:path}}", self._answering(self.unknown), methods=["GET"]))
        return routes

    # ---- the vendor's side

    def _answering(self, handler: Handler, media_type: Callable[[Request], str] = rest.media_type) -> Any:
        """What all REST addresses share: sign-in, media types, the shape of errors."""

        async def answer(request: Request) -> Response:
            request.state.request_id = secrets.token_hex(16)
            request.state.body = await request.body()
            ecid = {"x-oracle-dms-ecid": request.state.request_id}
            if self._armed("redirect_to_login", request):
                return RedirectResponse(SIGN_IN, 302)
            if not self.domain.admits(request.headers.get("authorization")):
                return Response(status_code=401, headers=ecid)
            version = 1
            try:
                version = rest.framework_version(request)
                kind = media_type(request)
                handled = handler(request, version)
            except rest.Refused as refused:
                response = rest.error_response(refused, request, version)
                response.headers.update(ecid)
                return response
            headers = {"rest-framework-version": str(version), **ecid}
            made = handled if isinstance(handled, rest.Answer) else rest.Answer(jsonx.dumps(handled))
            return Response(made.content, made.status, headers, made.media_type or kind)

        return answer

    def versions(self, _: Request, __: int) -> dict[str, Any]:
        """The version catalogue, the same below both roots."""
        frameworks = {"defaultFrameworkVersion": "1", "allowedFrameworkVersions": list("123456789")}
        return {"items": [{"version": rest.VERSIONS[0], "isLatest": True, "adf:extension": frameworks}]}

    def unknown(self, _: Request, __: int) -> dict[str, Any]:
        """A resource that is not in this pod, or below the other root."""
        raise rest.Refused(404, "The resource is not found.")

    def describe(self, name: str, request: Request, _: int) -> dict[str, Any]:
        """The attributes of a resource, with what may stand in `q`."""
        return rest.describe(self._table(name, request).resource)

    def collection(self, name: str, request: Request, version: int) -> dict[str, Any]:
        """A page of rows. There is no snapshot: rows that change move, between pages too."""
        table = self._table(name, request)
        query = rest.collection_query(request, table.resource, version)
        asked = rest.view(request, table.resource, version, levels=self.pod.settings.expand_levels)
        rows, has_more = self._page(table, query, request)
        items = [rest.item(table.resource, row, asked) for row in rows]
        links = rest.collection_links(table.resource, asked)
        answer = rest.collection(items, has_more, query.limit, query.offset, links)
        if query.total:
            answer["totalResults"] = table.count(query.where)
        if (rule := self._armed("mutate_while_paging", request)) and rows:
            self.pod.edit(table, rows[: int(rule.params["rows"])], self.world.now())
        return answer

    def _page(self, table: Table, query: rest.CollectionQuery, request: Request) -> tuple[list[Row], bool]:
        """The rows of a page and ``hasMore``, with the faults that distort them."""
        if (heavy := self._armed("too_heavy", request)) and query.limit > int(heavy.params["rows"]):
            raise rest.Refused(504)
        if self._armed("no_data_security", request):
            return [], False
        if self._armed("empty_has_more", request):
            return [], True
        cap = self._armed("cap_page", request)
        limit = min(query.limit, int(cap.params["rows"])) if cap else query.limit
        offset = 0 if self._armed("ignore_offset", request) else query.offset
        found = list(islice(table.select(query.where, query.order, offset), limit + 1))
        has_more = len(found) > limit
        if lie := self._armed("lie_has_more", request):
            has_more = has_more and lie.params.get("when") != "always" and query.offset == 0
        return found[:limit], has_more

    def item(self, name: str, request: Request, version: int) -> dict[str, Any]:
        """One row by its URL key."""
        table = self._table(name, request)
        rest.check_parameters(request, rest.ITEM_PARAMETERS)
        row = rest.by_url_key(table, request.path_params["key"])
        if row is None or self._armed("no_data_security", request):
            raise rest.Refused(404, "The resource item is not found.")
        asked = rest.view(request, table.resource, version, levels=self.pod.settings.expand_levels)
        return rest.item(table.resource, row, asked)

    def below(self, name: str, request: Request, version: int) -> dict[str, Any]:
        """Rows below a row, all of them or one: ``invoiceLines/{key}/child/invoiceDistributions``."""
        table, key = self._table(name, request), request.path_params["key"]
        place = ""
        for part in request.path_params["below"].split("/child/"):
            row = rest.by_url_key(table, key) if key else None
            child, _, below_key = part.partition("/")
            if row is None or child not in table.resource.children:
                raise rest.Refused(404, "The resource item is not found.")
            place += f"{table.resource.name}/{key}/child/"
            table, key = Table(table.resource.children[child]), below_key
            table.add(row[child])
        asked = rest.view(request, table.resource, version, place, self.pod.settings.expand_levels)
        if not key:
            query = rest.collection_query(request, table.resource, version)
            rows, has_more = self._page(table, query, request)
            items = [rest.item(table.resource, row, asked) for row in rows]
            links = rest.collection_links(table.resource, asked)
            return rest.collection(items, has_more, query.limit, query.offset, links)
        rest.check_parameters(request, rest.ITEM_PARAMETERS)
        if (found := rest.by_url_key(table, key)) is None:
            raise rest.Refused(404, "The resource item is not found.")
        return rest.item(table.resource, found, asked)

    async def customer_profile(self, request: Request) -> Response:
        """The SOAP service."""
        if not self.domain.admits(request.headers.get("authorization")):
            return Response(status_code=401)
        if not request.headers.get("content-type", "").startswith("text/xml"):
            return Response(status_code=415)
        return soap.answer(await request.body(), self.pod.credit_profiles)

    def _armed(self, fault: str, request: Request) -> FaultRule | None:
        path = request.scope["path"].removeprefix(f"/{self.system}")
        return self.world.faults.armed(self.system, fault, request.method, path)

    def _table(self, name: str, request: Request) -> Table:
        rest.check_version(request)
        return self.pod.tables[name]

    # ---- the control interface's side

    def reset(self) -> None:
        self.domain.reset()
        self.pod.reset()
        self.erp_integrations.reset()

    def configure(self, settings: dict[str, Any]) -> None:
        """The fields of ``auth.Settings``, and those of ``pod.Settings``."""
        of_pod = settings.keys() & PodSettings.__dataclass_fields__.keys()
        self.domain.configure({name: value for name, value in settings.items() if name not in of_pod})
        self.pod.configure({name: settings[name] for name in of_pod})

    def expire_tokens(self) -> None:
        self.domain.access_tokens.clear()

    def seed(self, collection: str, count: int, seed: int) -> int:
        """``customers`` brings accounts, credit profiles, suppliers and orders along; ``contacts`` needs customers;
        ``employees`` belong to none, ``supplier_contacts`` to suppliers that are none;
        documents (`finance.SEEDED`) are those of suppliers that there are, or of new ones."""
        parties = {
            "customers": self.pod.seed_customers,
            "contacts": self.pod.seed_contacts,
            "employees": self.pod.seed_employees,
            "supplier_contacts": self.pod.seed_supplier_contacts,
        }
        if collection in parties:
            parties[collection](count, seed)
        else:
            self.pod.finance.seed(collection, count, seed)
        return count

    def state(self, collection: str) -> list[dict[str, Any]]:
        if collection in self.erp_integrations.collections:
            return self.erp_integrations.state(collection)
        return self.pod.state(collection)

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:
        """See ``Pod.mutate``."""
        return self.pod.mutate(collection, change)
