"""Tickets as a source: the incremental export, and single ones afresh when an event tells of them.

Both make a record by the same function out of the same attributes, so that one state of a ticket is one version
however it came.
https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from connectors.zendesk.client import VENDOR, Zendesk
from connectors.zendesk.errors import Refused
from connectors.zendesk.events import by_ourselves
from connectors.zendesk.exports import changed_at, export
from ml_connector.core.concurrently import together
from ml_connector.core.records import Body, Page, SourceRecord, Window

_PLAIN = ("subject", "status", "priority", "type", "created_at", "updated_at")
_DONE = frozenset({"solved", "closed"})
_DELETIONS = frozenset({"ticket.soft_deleted", "ticket.permanently_deleted"})


class Tickets:
    """Records are `models.Ticket`; the source id is the ticket's. Deleted tickets are left out."""

    system = VENDOR
    operation = "REST v2 incremental/tickets/cursor"
    windowed = True
    continues = True
    objects = "ticket"

    def __init__(self, client: Zendesk) -> None:
        self._client = client

    async def clock(self) -> datetime:
        return await self._client.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """What has changed since ``cursor``, which is Zendesk's own; without one since two minutes before ``lo``.

        Costs a call for each ticket that is solved or closed, for its comments.
        """
        async for page in export(self._client, "tickets", window, cursor, self._records):
            yield page

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        found = await self._client.show_many("tickets", ids=[ticket_id for ticket_id in ids if ticket_id.isdigit()])
        return await self._records(found)

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:
        if not object_key.startswith(f"{self.objects}:") or kind in _DELETIONS:
            return False
        return not by_ourselves(body, await self._client.own_id())

    async def _records(self, rows: Sequence[Body]) -> list[SourceRecord]:
        tickets = [row for row in rows if row.get("status") != "deleted"]
        done = [ticket for ticket in tickets if ticket.get("status") in _DONE]
        found = await together([self._last_public_comment(ticket) for ticket in done])
        comments = {ticket["id"]: comment for ticket, comment in zip(done, found, strict=True) if comment}
        people = await self._people([*tickets, *comments.values()])
        return [self._record(ticket, comments.get(ticket["id"]), people) for ticket in tickets]

    async def _last_public_comment(self, ticket: Body) -> Body | None:
        pages = self._client.pages(f"/tickets/{ticket['id']}/comments", "comments", sort="-created_at")
        try:
            async for comments in pages:
                for comment in comments:
                    if comment.get("public"):
                        return comment
        except Refused as error:
            if not error.problem.missing:  # it was deleted since the list was made
                raise
        return None

    async def _people(self, rows: Sequence[Body]) -> dict[int, Body]:
        wanted = {row.get(name) for row in rows for name in ("requester_id", "assignee_id", "author_id")}
        ids = [str(user_id) for user_id in sorted(user_id for user_id in wanted if user_id and user_id > 0)]
        return {user["id"]: user for user in await self._client.show_many("users", ids=ids)}

    def _record(self, ticket: Body, comment: Body | None, people: Mapping[int, Body]) -> SourceRecord:
        ticket_id = str(ticket["id"])
        body = {
            "id": ticket_id,
            **{name: ticket.get(name) for name in _PLAIN},
            "requester": _person(ticket.get("requester_id"), people),
            "assignee": _name(ticket.get("assignee_id"), people),
            "organization_id": str(ticket["organization_id"]) if ticket.get("organization_id") else None,
            "tags": sorted(ticket.get("tags") or []),
            "channel": (ticket.get("via") or {}).get("channel"),
            "custom_fields": {
                str(field["id"]): field["value"]
                for field in ticket.get("custom_fields") or []
                if field.get("value") is not None
            },
            "last_public_comment": _comment(comment, people),
            "url": self._client.page("tickets", ticket_id),
        }
        return SourceRecord(ticket_id, changed_at(ticket), body)


def _person(user_id: int | None, people: Mapping[int, Body]) -> Body | None:
    if not user_id:
        return None
    user = people.get(user_id, {})
    return {"id": str(user_id), "name": user.get("name"), "email": user.get("email")}


def _name(user_id: int | None, people: Mapping[int, Body]) -> str | None:
    return people.get(user_id or 0, {}).get("name")


def _comment(comment: Body | None, people: Mapping[int, Body]) -> Body | None:
    if comment is None:
        return None
    body = comment.get("plain_body") or comment.get("body") or ""
    return {"body": body, "author": _name(comment.get("author_id"), people), "created_at": comment.get("created_at")}
