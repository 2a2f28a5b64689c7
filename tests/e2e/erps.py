"""QAD and Workday as the tests of both see them: a tenant that reads one of them, and what Zendesk must then hold.

What each record should have become is spelled out here once more, without the mapping engine: a fault of the engine
must not excuse itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from prefect.client.schemas.objects import State

from tests.e2e.reconcile import doubled
from tests.installation import Installation, Sandbox
from tests.second_tenant import OtherTenant

Row = dict[str, Any]


class Erp(ABC):
    """Tenant ``acme`` between one of the two and Zendesk, both empty."""

    integration: ClassVar[str]
    prefix: str
    reading: ClassVar[str]
    """The path of the calls that read records."""
    connections: ClassVar[str]
    streams: ClassVar[str]
    synced: ClassVar[tuple[str, ...]]
    """The streams of ``sync``."""
    sync_flow: ClassVar[Any]
    ticket_flow: ClassVar[Any]

    def __init__(
        self, installed: Installation, *, page_size: int | None = None, name: str | None = None, unlimited: bool = True
    ) -> None:
        """``name``: of the tenant, which then begins its external ids."""
        connections = self.connections
        if name is not None:
            self.prefix = f"{name}-"
        if page_size is not None:
            connections = connections.replace("page_size: 7", f"page_size: {page_size}")
            connections = connections.replace("page_size: 20", f"page_size: {page_size}")
        self.tenant = OtherTenant(
            *(installed, self.integration, connections, self.streams, self.prefix),
            name=name or "acme",
            unlimited=unlimited,
        )
        self.sandbox: Sandbox = installed.sandbox

    async def prepare(self, records: int) -> None:
        """Store the secrets, create the fields, and let the ERP hold ``records`` customers with all that belongs to
        them."""
        self.sandbox.settings("zendesk", export_excludes_seconds=0)
        await self.tenant.prepare([*self.synced, "tickets"])
        self.seed(records)

    async def sync(self, run: str | None = None, **how: Any) -> State[Any]:
        """Run the flow's own body; see `Installation.sync`."""
        return await self.tenant.run(self.sync_flow, run, **{"streams": self.synced, **how})

    async def look_at_tickets(self, run: str | None = None, **how: Any) -> State[Any]:
        """The same with the flow of the tickets."""
        return await self.tenant.run(self.ticket_flow, run, **how)

    @abstractmethod
    def seed(self, records: int) -> None: ...

    @abstractmethod
    def change(self, count: int) -> Counter[str]:
        """Let so many customers change, and what belongs to them; the effects that there must be in Zendesk."""
        ...

    @abstractmethod
    def make_tickets(self, count: int) -> dict[int, Row]:
        """Tickets that customers write, with what their fields must hold then, by title."""
        ...

    @abstractmethod
    def organizations(self) -> dict[str, Row]:
        """What each organization must be, by external id."""
        ...

    def users(self) -> dict[str, Row]:
        """The same of users."""
        return {}

    def wrong(self) -> list[str]:
        """What is lost, wrong or too much in Zendesk, or was done twice. Empty: all is right."""
        organizations, users = held(self.sandbox, "organizations"), held(self.sandbox, "users")
        key_of = {row["id"]: key for key, row in organizations.items()}
        for user in users.values():
            user["organization"] = key_of.get(user["organization_id"])
        return [
            *_compared("organization", self.organizations(), organizations),
            *_compared("user", self.users(), users),
            *[one for one in doubled(self.sandbox) if ".created" in one],
        ]


def held(sandbox: Sandbox, kind: str) -> dict[str, Row]:
    """What Zendesk holds of ours, by external id; custom fields stand beside the others."""
    rows = [row for row in sandbox.state("zendesk", kind) if row["external_id"]]
    own = ("organization_fields", "user_fields")
    found = {
        row["external_id"]: {**row, **{k: v for name in own for k, v in row.get(name, {}).items()}} for row in rows
    }
    assert len(found) == len(rows), f"{kind} have an external id in common"
    return found


def shown(sandbox: Sandbox) -> dict[int, Row]:
    """What the fields of each ticket hold, by title."""
    titles = {row["id"]: row["title"] for row in sandbox.state("zendesk", "ticket_fields")}
    return {
        ticket["id"]: {titles[one["id"]]: one["value"] for one in ticket["custom_fields"] if one["value"] is not None}
        for ticket in sandbox.state("zendesk", "tickets")
    }


def make(sandbox: Sandbox, text: str, *, subject: str = "A question", **ticket: Any) -> int:
    """Somebody writes a ticket; its id."""
    return int(sandbox.mutate("zendesk", "tickets", create={"subject": subject, "comment": text, **ticket})[0])


def _compared(kind: str, wanted: dict[str, Row], found: dict[str, Row]) -> Iterator[str]:
    yield from (f"{kind} {key}: it is not there" for key in wanted.keys() - found.keys())
    yield from (f"{kind} {key}: nobody in the ERP" for key in found.keys() - wanted.keys())
    for key in wanted.keys() & found.keys():
        yield from (f"{kind} {key}: {name}" for name, value in wanted[key].items() if found[key].get(name) != value)
