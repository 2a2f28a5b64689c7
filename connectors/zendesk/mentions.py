"""Tickets with what in their words may be the number of a document (an invoice, a purchase order), or a party's name.

Read are the subject, all comments (the first is the description), and the ticket field that the tenant has for it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.zendesk.client import Zendesk
from connectors.zendesk.errors import Refused
from connectors.zendesk.ticket_customers import CustomerTickets
from ml_connector.core.concurrently import together
from ml_connector.core.records import Body, Page, SourceRecord, Window

_DONE = frozenset({"solved", "closed"})
_MOST = 200
"""Numbers of one ticket: a thread with a price list in it must not look everything up."""
_LONGEST = 200
"""Characters of what may be a number or a name."""


class MentioningTickets:
    """Records are `models.DocumentTicket`, their documents still to be filled in. Solved tickets name nothing."""

    system = CustomerTickets.system
    operation = CustomerTickets.operation
    windowed = CustomerTickets.windowed
    continues = CustomerTickets.continues
    objects = CustomerTickets.objects
    mentions = True

    def __init__(self, client: Zendesk) -> None:
        self._client = client
        self._tickets = CustomerTickets(client)
        self._patterns = [re.compile(pattern) for pattern in client.settings.mention_patterns]

    async def clock(self) -> datetime:
        return await self._tickets.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """As `CustomerTickets.read`; it costs one more call for each ticket that is not solved."""
        async for page in self._tickets.read(window, cursor):
            page.records = await self._with_mentions(page.records)
            yield page

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        return await self._with_mentions(await self._tickets.lookup(ids))

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:
        return await self._tickets.concerns(kind, object_key, body)

    async def _with_mentions(self, records: Sequence[SourceRecord]) -> list[SourceRecord]:
        field_id = await self._field_id()
        found = await together([self._mentioned(record.body, field_id) for record in records])
        return [replace(r, body={**r.body, "mentioned": names}) for r, names in zip(records, found, strict=True)]

    async def _mentioned(self, body: Body, field_id: str | None) -> list[str]:
        """What stands in the field is taken as a whole, too; the ticket's own customer is named by being it."""
        if body["status"] in _DONE:
            return []
        written = str(body["custom_fields"].get(field_id) or "").strip()
        texts = [str(body["subject"] or ""), written, *await self._comments(body["id"])]
        return mentioned(self._patterns, texts, [written, body["customer"] or ""])

    async def _comments(self, ticket_id: str) -> list[str]:
        pages = self._client.pages(f"/tickets/{ticket_id}/comments", "comments")
        try:
            return [str(one.get("plain_body") or one.get("body") or "") async for page in pages for one in page]
        except Refused as error:
            if not error.problem.missing:  # it was deleted since the list was made
                raise
            return []

    async def _field_id(self) -> str | None:
        title = self._client.settings.mention_field
        if title is None:
            return None
        return next((str(field["id"]) for field in await self._client.ticket_fields() if field["title"] == title), None)


def mentioned(patterns: Sequence[re.Pattern[str]], texts: Sequence[str], named: Sequence[str] = ()) -> list[str]:
    """What the patterns find, sorted, behind what is ``named`` anyway; of a pattern with a group, the group."""
    found = {
        (match[1] if pattern.groups else match[0]) or ""
        for pattern in patterns
        for text in texts
        for match in pattern.finditer(text)
    }
    return [one for one in dict.fromkeys([*named, *sorted(found)]) if 0 < len(one) <= _LONGEST][:_MOST]
