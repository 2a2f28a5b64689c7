"""The Zendesk emulator: one strict, stateful account under ``/zendesk``.

It refuses what Zendesk refuses, with Zendesk's status and body; what no document confirms is named in this
connector's README. Everything is kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connectors.zendesk.sandbox import hand, ticket_hand, webhook_hand
from connectors.zendesk.sandbox.account import BRAND_ID, SYSTEM, Account
from connectors.zendesk.sandbox.deliveries import Deliveries
from connectors.zendesk.sandbox.fields import CustomFields
from connectors.zendesk.sandbox.http import Answer, Call, Endpoint, Endpoints, Refused, call_of, warning
from connectors.zendesk.sandbox.identities import Identities
from connectors.zendesk.sandbox.incremental import Incremental
from connectors.zendesk.sandbox.jobs import Jobs
from connectors.zendesk.sandbox.memberships import Memberships
from connectors.zendesk.sandbox.oauth import LEGACY_USER, NOT_AUTHENTICATED, OAuth
from connectors.zendesk.sandbox.organization_records import OrganizationRecords
from connectors.zendesk.sandbox.organizations import Organizations
from connectors.zendesk.sandbox.rates import Rates
from connectors.zendesk.sandbox.ticket_fields import TicketFields
from connectors.zendesk.sandbox.ticket_records import TicketRecords
from connectors.zendesk.sandbox.tickets import Tickets
from connectors.zendesk.sandbox.triggers import Triggers
from connectors.zendesk.sandbox.user_records import UserRecords
from connectors.zendesk.sandbox.users import Users
from connectors.zendesk.sandbox.webhooks import Webhooks
from ml_connector.sandbox.world import World, configure

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class ZendeskEmulator:
    """See ``ml_connector.sandbox.world.Emulator``. Collections: ``state`` lists them."""

    system = SYSTEM
    faults = frozenset({"partial_job", "search_lag", "job_delay", "job_lost", "job_failed", "too_many_jobs"})

    def __init__(self, world: World) -> None:
        self.world = world
        self._request_numbers = count(1)
        self._open_account()

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/{path:path}", self.serve, methods=METHODS)]

    def reset(self) -> None:
        self.jobs.forget()
        self.deliveries.outbox.close()
        self._open_account()

    def configure(self, settings: dict[str, Any]) -> None:
        configure(self.account.settings, settings)

    def expire_tokens(self) -> None:
        self.oauth.expire_all()

    def seed(self, collection: str, count: int, seed: int) -> int:
        if collection == "organizations":
            return hand.seed_organizations(self.organizations, count, seed)
        if collection == "users":
            return hand.seed_users(self.users, count, seed)
        if collection == "tickets":
            return ticket_hand.seed(self.tickets, count, seed)
        raise KeyError(collection)

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:
        records: dict[str, OrganizationRecords | UserRecords] = {
            "organizations": self.organizations,
            "users": self.users,
        }
        try:
            match collection:
                case "tickets":
                    return ticket_hand.mutate(self.tickets, change)
                case "webhooks":
                    return webhook_hand.mutate_webhooks(self.webhooks, change)
                case "triggers":
                    return webhook_hand.mutate_triggers(self.triggers, change)
                case "deliveries":
                    return self.deliveries.again(int(change["again"]))
            return hand.mutate(records[collection], change)
        except Refused as refused:
            raise ValueError(refused.summary()) from None

    def state(self, collection: str) -> list[dict[str, Any]]:
        """The first user is the admin for whom tokens act."""
        account = self.account
        collections: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "organizations": account.organizations.all,
            "users": account.users.all,
            "identities": account.identities.all,
            "memberships": account.memberships.all,
            "organization_fields": self.organization_fields.state,
            "user_fields": self.user_fields.state,
            "ticket_fields": self.ticket_fields.state,
            "tickets": account.tickets.all,
            "comments": lambda: [{"ticket_id": n, **row} for n, rows in self.tickets.comments.items() for row in rows],
            "webhooks": lambda: list(account.webhooks.values()),
            "triggers": account.triggers.all,
            "deliveries": lambda: [delivery.state() for delivery in self.deliveries.all()],
            "jobs": self.jobs.state,
            "tokens": self.oauth.state,
            "rate_violations": lambda: self.rates.violations,
        }
        return collections[collection]()

    async def serve(self, request: Request) -> Response:
        """Every request; answers carry the id under which effects name their request."""
        self.deliveries.outbox.serve()
        call = call_of(request, await request.body(), f"{next(self._request_numbers):012x}")
        headers = {"X-Request-Id": call.write.request_id, "X-Zendesk-Request-Id": call.write.request_id}
        try:
            answer = self._carried_out(call, headers)
        except Refused as refused:
            answer = refused.answer
        request.scope["path_params"] = call.params  # so that requests are counted by route
        return answer.response({**headers, **warning(call)})

    def _carried_out(self, call: Call, headers: dict[str, str]) -> Answer:
        if (call.method, call.path) == ("POST", "oauth/tokens"):
            return self.oauth.exchange(call)
        if (call.method, call.path) == ("GET", "oauth/authorizations/new"):
            return self.oauth.authorize(call)
        endpoint = self.endpoints.find(call)
        self.oauth.authenticate(call)
        if call.actor is None and call.path != "api/v2/users/me":
            raise Refused(401, NOT_AUTHENTICATED)
        call.write.actor_id = call.actor["id"] if call.actor else None
        headers |= self.rates.account(call)
        self.oauth.require_scope(call, endpoint.scope)
        if call.method != "GET" and (rule := self.account.armed("search_lag", call.method, call.path)):
            call.write.lag = float(rule.params["seconds"])
        return endpoint.handler(call)

    def settings(self, _: Call) -> Answer:
        """``GET /account/settings``, as far as it tells accounts apart and what the account can do."""
        body = {
            "active_features": {"user_org_fields": True, "organization_access_enabled": True, "user_tagging": True},
            "api": {"accepted_api_agreement": True, "api_password_access": "false", "api_token_access": "true"},
            "brands": {"default_brand_id": BRAND_ID, "require_brand_on_new_tickets": False},
            "users": {"multiple_organizations": True, "tagging": True},
        }
        return Answer(200, {"settings": body})

    def _open_account(self) -> None:
        self.account = account = Account(self.world)
        self.rates = Rates(account.settings)
        self.oauth = OAuth(account)
        self.jobs = Jobs(account)
        self.organization_fields = CustomFields(account, "organization")
        self.user_fields = CustomFields(account, "user")
        self.ticket_fields = TicketFields(account)
        identities = Identities(account)
        memberships = Memberships(account, self.jobs)
        self.organizations = OrganizationRecords(account, self.organization_fields, memberships)
        self.users = UserRecords(account, self.user_fields, identities, memberships)
        self.tickets = TicketRecords(account, self.users)
        users = Users(self.users, self.jobs, self.rates)
        tickets = Tickets(self.tickets, self.rates)
        self.deliveries = Deliveries(account)
        self.webhooks = Webhooks(account, self.deliveries)
        self.triggers = Triggers(account, self.webhooks)
        self.endpoints = Endpoints(
            [
                *self.jobs.endpoints(),
                *Organizations(self.organizations, self.jobs, self.rates).endpoints(),
                *users.endpoints(),
                *tickets.endpoints(),
                *Incremental(account, self.rates, tickets, users).endpoints(),
                *identities.endpoints(),
                *memberships.endpoints(),
                *self.organization_fields.endpoints(),
                *self.user_fields.endpoints(),
                *self.ticket_fields.endpoints(),
                *self.webhooks.endpoints(),
                *self.triggers.endpoints(),
                *self.oauth.endpoints(),
                Endpoint("GET", "account/settings", self.settings),
            ]
        )
        admin = {"name": "Sandbox Admin", "email": LEGACY_USER, "role": "admin", "verified": True}
        self.users.add(admin, hand.BY_HAND)
