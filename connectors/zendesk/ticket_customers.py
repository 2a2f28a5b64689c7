"""Tickets with the customer of the ERP that each belongs to, so far as that can be said without guessing.

The requester's membership comes first, then the ticket's own organization. Customers are known by the external ids of
their organizations, which begin with the connection's prefix.
https://developer.zendesk.com/api-reference/ticketing/organizations/organization_memberships/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.zendesk.client import VENDOR, Zendesk
from connectors.zendesk.errors import Refused
from connectors.zendesk.tickets import Tickets
from ml_connector.core.concurrently import together
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Page, SourceRecord, Window


class CustomerTickets:
    """Records are `models.CustomerTicket`. Their number is the customer's: by it a customer's history is asked for."""

    system = VENDOR
    operation = Tickets.operation
    windowed = Tickets.windowed
    continues = Tickets.continues
    objects = Tickets.objects

    def __init__(self, client: Zendesk) -> None:
        if not client.settings.external_id_prefix:
            raise Misconfigured(
                "tickets can be tied to customers only where these can be told from organizations that people have "
                "made: give the connection an external_id_prefix, such as erp-, and run the organizations once more",
                vendor=VENDOR,
            )
        self._client = client
        self._prefix = client.settings.external_id_prefix
        self._tickets = Tickets(client)

    async def clock(self) -> datetime:
        return await self._tickets.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """As `Tickets.read`; it costs one more call for each requester."""
        async for page in self._tickets.read(window, cursor):
            page.records = await self._with_customers(page.records)
            yield page

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        return await self._with_customers(await self._tickets.lookup(ids))

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:
        return await self._tickets.concerns(kind, object_key, body)

    async def _with_customers(self, records: list[SourceRecord]) -> list[SourceRecord]:
        requesters = sorted({r.body["requester"]["id"] for r in records if r.body["requester"]})
        found = await together([self._memberships(user_id) for user_id in requesters])
        memberships = dict(zip(requesters, found, strict=True))
        wanted = {organization_id for some in found for organization_id in some}
        wanted |= {r.body["organization_id"] for r in records if r.body["organization_id"]}
        known = await self._external_ids(sorted(wanted))
        return [self._record(record, memberships, known) for record in records]

    async def _memberships(self, user_id: str) -> list[str]:
        """The ids of a user's organizations; none of a user who was deleted."""
        path, key = f"/users/{user_id}/organization_memberships", "organization_memberships"
        try:
            return [str(row["organization_id"]) async for page in self._client.pages(path, key) for row in page]
        except Refused as error:
            if not error.problem.missing:
                raise
            return []

    async def _external_ids(self, organization_ids: Sequence[str]) -> dict[str, str]:
        """Those of the organizations that have one."""
        found = await self._client.show_many("organizations", ids=organization_ids)
        return {str(one["id"]): str(one["external_id"]) for one in found if one.get("external_id")}

    def _record(
        self, record: SourceRecord, memberships: Mapping[str, Sequence[str]], external_ids: Mapping[str, str]
    ) -> SourceRecord:
        prefix, requester, organization = self._prefix, record.body["requester"], record.body["organization_id"] or ""
        customers = {key: e.removeprefix(prefix) for key, e in external_ids.items() if e.startswith(prefix)}
        theirs = {customers[o] for o in memberships.get(requester["id"], ()) if o in customers} if requester else set()
        customer = _unambiguous(theirs, customers.get(organization))
        foreign = customer is None and organization in external_ids.keys() - customers.keys()
        return replace(record, body={**record.body, "customer": customer, "foreign": foreign}, number=customer)


def _unambiguous(theirs: set[str], named: str | None) -> str | None:
    """The requester's only customer; of several, or of none, the one that the ticket's organization names."""
    if len(theirs) == 1:
        return next(iter(theirs))
    return named if not theirs or named in theirs else None
