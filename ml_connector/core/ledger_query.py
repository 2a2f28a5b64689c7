"""Reading the ledger: effects with their bodies, for a run that moves them and for a preview, which moves nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from ml_connector.core import jsonx
from ml_connector.core import ledger_sql as sql
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.db import Connection, Database
from ml_connector.core.records import State
from ml_connector.core.selection import Selection, next_selected
from ml_connector.core.vault import Sealer

BODY_GONE = "its body is no longer stored: it was erased, or was kept for as long as bodies are kept"
_AT_ONCE = 500
"""Records."""


async def movable(
    conn: Connection, sealer: Sealer, batch_ids: Sequence[UUID], last_link: datetime | None = None
) -> Chunk:
    """The effects of some batches that can be moved now, as a chunk of the last of them; see `Ledger.load`."""
    rows = await (await conn.execute(sql.LOAD, (list(batch_ids), last_link))).fetchall()
    return Chunk(batch_ids[-1], [_item(sealer, *row) for row in rows])


async def selected(
    db: Database, sealer: Sealer, tenant: str, stream: str, selection: Selection, *, resend: bool
) -> AsyncIterator[Chunk]:
    """What a replay would take up, with its stored bodies."""
    after: UUID | None = None
    while True:
        async with db.tenant(tenant) as conn:
            found = await next_selected(conn, stream, selection, after, _AT_ONCE, resend=resend, into=None)
            rows = await (await conn.execute(sql.LOAD_THESE, ([row[0] for row in found],))).fetchall()
        if not found:
            return
        items = {row[0]: _item(sealer, *row) for row in rows}
        for effect_id, source_id, _ in found:
            item = items.setdefault(effect_id, Item(effect_id, source_id, datetime.now(UTC), {}))
            item.generation += 1
            if not item.body:
                item.refusal = State.REJECTED, BODY_GONE
        yield Chunk(UUID(int=0), list(items.values()))
        after = found[-1][2]


def _item(
    sealer: Sealer, effect_id: UUID, source_id: str, version_at: datetime, body_of: UUID, generation: int, state: str,
    attempts: int, dest_id: str | None, body: bytes, request: bytes | None, sent_as: int | None,
    crashes: int,
) -> Item:  # fmt: skip
    stored = sealer.open("body", "envelope", f"{body_of}:source:0", body)
    asked = sealer.open("body", "envelope", f"{effect_id}:request:{sent_as}", request) if request else None
    return Item(
        effect_id, source_id, version_at, jsonx.loads(stored), body_of=body_of, generation=generation,
        state=State(state), attempts=attempts, dest_id=dest_id, request=jsonx.loads(asked) if asked else None,
        crashes=crashes,
    )  # fmt: skip
