"""What is to be done is entered in the ledger as ``planned``: what a source has told, or what is taken up once more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from ml_connector.core import jsonx, presence, watermarks
from ml_connector.core import ledger_sql as sql
from ml_connector.core.audit import Entry
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Connection
from ml_connector.core.ids import storable, uuid7
from ml_connector.core.ledger_query import BODY_GONE, movable
from ml_connector.core.ledger_writer import LedgerWriter
from ml_connector.core.records import SourceRecord, State
from ml_connector.core.selection import Selection, next_selected


class Planning:
    """Enters effects of one stream."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer

    async def plan(
        self,
        records: Sequence[SourceRecord],
        *,
        moment: datetime,
        cursor: str | None,
        only_changed: bool,
        told: Collection[str] = (),
        absent: Collection[str] = (),
    ) -> Chunk | None:
        """Enter records as ``planned`` and move the read cursor behind them, in one transaction.

        A version that is in the ledger already is only counted, unless another content of the same timestamp has
        followed it: then the object has gone back to it. Of several contents that are told of one object and one moment
        the last one is its newest version. ``moment`` is the version of records that have no
        modification time of their own. ``only_changed``: a record whose newest known version has the same content is
        only counted too (full reads). The body of a version that is only counted is stored again if it was pruned. None
        when nothing was new.
        ``told``: the objects that a full read has just told of; ``absent``: it does not tell of these any more.
        """
        items = [Item(uuid7(), storable(r.source_id), r.modified_at or moment, r.body) for r in records]
        batch_id, stream = uuid7(), self._writer.stream
        values = {**_values(records, items), "batch": batch_id, "stream": stream}
        async with self._writer.transaction() as conn:
            new = await _insert(conn, values, only_changed=only_changed)
            items = [item for item in items if item.effect_id in new]
            await watermarks.advance(
                conn, self._writer.run_id, stream, cursor=cursor, fetched=len(records), known=len(records) - len(items)
            )
            if told:
                await presence.told(conn, stream, self._writer.run_id, [storable(one) for one in told])
            if absent:
                await presence.gone(conn, stream, absent)
            if items:
                await self._writer.batch(conn, batch_id, len(items))
                await self._writer.name(conn, _names(records))
                await self._writer.store(conn, "source", [(i.effect_id, 0, jsonx.dumps(i.body)) for i in items])
                await self._writer.audit(conn, [Entry(i.effect_id, i.source_id, "read", State.PLANNED) for i in items])
            if len(items) < len(records):
                bodies = dict(zip(values["ids"], (r.body for r in records), strict=True))
                forgotten = await (await conn.execute(sql.FORGOTTEN, values)).fetchall()
                await self._writer.store(conn, "source", [(i, 0, jsonx.dumps(bodies[read])) for i, read in forgotten])
        crashpoint("ledger.planned")
        return Chunk(batch_id, items) if items else None

    async def replay(self, selection: Selection, after: UUID | None, limit: int, *, resend: bool) -> Chunk | None:
        """Enter the next ``limit`` selected effects once more, one generation later, and move the cursor behind them.

        None when nothing is left. Without ``resend`` what may stand at the destination already is left out. One that
        was held or needed a person is superseded by its replay; one whose body is gone is rejected.
        """
        batch_id, stream, run_id = uuid7(), self._writer.stream, self._writer.run_id
        async with self._writer.transaction() as conn:
            found = await next_selected(conn, stream, selection, after, limit, resend=resend, into=run_id)
            if not found:
                return None
            originals = [row[0] for row in found]
            replaced = await (await conn.execute(sql.REPLACE, (originals,))).fetchall()
            ids = [uuid7() for _ in originals]
            values = {"batch": batch_id, "ids": ids, "originals": originals, "gone": BODY_GONE}
            planned = await (await conn.execute(sql.PLAN_REPLAY, values)).fetchall()
            await self._writer.batch(conn, batch_id, len(ids))
            await watermarks.advance(conn, run_id, stream, cursor=str(found[-1][2]), fetched=len(ids), known=0)
            entries = [
                Entry(i, source, "replay", State.SUPERSEDED, reason=why, attempt=n) for i, source, why, n in replaced
            ]
            entries += [Entry(i, source, "replay", state, reason=why) for i, source, state, why in planned]
            await self._writer.audit(conn, entries)
        crashpoint("ledger.planned")
        async with self._writer.transaction() as conn:
            return await movable(conn, self._writer.sealer, [batch_id])

    async def reopen(self) -> None:
        """Plan again what this run has rejected: the mapping, or what the vendor minded, may have been mended."""
        async with self._writer.transaction() as conn:
            reopened = await (await conn.execute(sql.REOPEN, (self._writer.run_id, self._writer.stream))).fetchall()
            await conn.execute(
                "update batch set open = true where id = any(%s) and not open", ([row[3] for row in reopened],)
            )
            await self._writer.audit(
                conn, [Entry(i, source, "retry", State.PLANNED, attempt=n) for i, source, n, _ in reopened]
            )


def _values(records: Sequence[SourceRecord], items: Sequence[Item]) -> dict[str, Any]:
    last = {(item.source_id, item.version_at): n for n, item in enumerate(items)}
    last_of = [last[item.source_id, item.version_at] for item in items]
    hashes = [jsonx.digest(r.body if r.version is None else r.version)[:16] for r in records]
    return {
        "ids": [item.effect_id for item in items],
        "source_ids": [item.source_id for item in items],
        "versions": [item.version_at for item in items],
        "hashes": hashes,
        "lasts": [hashes[n] for n in last_of],
        "are_last": [n == last_n for n, last_n in enumerate(last_of)],
    }


async def _insert(conn: Connection, values: dict[str, Any], *, only_changed: bool) -> set[UUID]:
    """Those that are new."""
    inserted = await conn.execute(sql.PLAN_CHANGED if only_changed else sql.PLAN, values)
    new = {row[0] for row in await inserted.fetchall()}
    again = [is_last and i not in new for i, is_last in zip(values["ids"], values["are_last"], strict=True)]
    if any(again):
        inserted = await conn.execute(sql.PLAN_AGAIN, {**values, "again": again})
        new |= {row[0] for row in await inserted.fetchall()}
    return new


def _names(records: Sequence[SourceRecord]) -> set[tuple[str, str]]:
    numbers = {(jsonx.mended(r.number), storable(r.source_id)) for r in records if r.number}
    return numbers | {(storable(r.record), storable(r.source_id)) for r in records if r.record}
