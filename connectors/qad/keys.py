"""Whether what the tenant file calls the key of a browse is one.

The standard browses join tables: cm300 may have a row for each address of a customer. Under one key they would be
versions of one record, each overwriting the other at each read.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.qad.client import Qad
from connectors.qad.rows import record_of
from connectors.qad.settings import SYSTEM, Entity
from ml_connector.core import jsonx
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import SourceRecord


class Keys:
    """The keys that one read has seen, each with a digest of what stood beside it."""

    def __init__(self, client: Qad, name: str, entity: Entity) -> None:
        self._client = client
        self._name = name
        self._entity = entity
        self._seen: dict[str, bytes] = {}

    async def new(self, records: Sequence[SourceRecord]) -> list[SourceRecord]:
        """Without those that were read before, word by word. Of a record that was changed meanwhile both versions stay.

        `Misconfigured` where one key has several rows that differ.
        """
        found = []
        for record in records:
            digest = jsonx.digest(record.body)[:16]
            before = self._seen.get(record.source_id)
            if before not in (None, digest):
                await self._check_one_row(record)
            if before != digest:
                self._seen[record.source_id] = digest
                found.append(record)
        return found

    async def _check_one_row(self, record: SourceRecord) -> None:
        """The instance is asked: on another page, the row may only have been changed between the two."""
        entity = self._entity
        wanted = [f"{entity.fields[name]},eq,{record.body[name]},literal" for name in entity.key]
        page = await self._client.browse(
            entity.browse, page=1, page_size=100, call_id="key", filters=[*entity.filters, *wanted]
        )
        bodies = [record_of(row, self._name, entity) for row in page.rows]
        if len({jsonx.digest(one.body) for one in bodies if one.source_id == record.source_id}) > 1:
            raise Misconfigured(
                f"{entity.browse} has several rows with {', '.join(entity.key)} {record.source_id}, and they differ: "
                f"that is no key here. Add the field that tells them apart to entities.{self._name}.key, or a filter "
                f"that leaves one of them to entities.{self._name}.filters",
                vendor=SYSTEM,
                phase=f"REST {entity.browse}",
            )
