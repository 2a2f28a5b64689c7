"""Tickets with what in their words may be the number of a document: of an invoice, of a purchase order.

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
        texts = await together([self._texts(record.body, field_id) for record in records])
        return [
            replace(record, body={**record.body, "mentioned": mentioned(self._patterns, text), "documents": {}})
            for record, text in zip(records, texts, strict=True)
        ]

    async def _texts(self, body: Body, field_id: str | None) -> list[str]:
        if body["status"] in _DONE:
            return []
        texts = [str(body["subject"] or ""), str(body["custom_fields"].get(field_id) or "")]
        try:
            async for comments in self._client.pages(f"/tickets/{body['id']}/comments", "comments"):
                texts += [str(one.get("plain_body") or one.get("body") or "") for one in comments]
        except Refused as error:
            if not error.problem.missing:  # it was deleted since the list was made
                raise
        return texts

    async def _field_id(self) -> str | None:
        title = self._client.settings.mention_field
        if title is None:
            return None
        return next((str(field["id"]) for field in await self._client.ticket_fields() if field["title"] == title), None)


def mentioned(patterns: Sequence[re.Pattern[str]], texts: Sequence[str]) -> list[str]:
    """What the patterns find, sorted; of a pattern with a group, the group."""
    found = {
        (match[1] if pattern.groups else match[0]) or ""
        for pattern in patterns
        for text in texts
        for match in pattern.finditer(text)
    }
    return sorted(found - {""})[:_MOST]
