"""The link table: which object of a destination has come from which of a source, and by which stream."""

from __future__ import annotations

from collections.abc import Sequence

from ml_connector.core import ledger_sql as sql
from ml_connector.core.db import Database
from ml_connector.core.ids import storable


async def links(db: Database, tenant: str, stream: str, source_ids: Sequence[str]) -> dict[str, tuple[str, bytes]]:
    """Destination id and hash of the last payload sent, per source id that is linked."""
    asked = {storable(one): one for one in source_ids}
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(sql.LINKS, {"stream": stream, "source_id": list(asked)})
        return {asked[source_id]: (dest_id, bytes(hashed)) for source_id, dest_id, hashed in await rows.fetchall()}


async def backlinks(db: Database, tenant: str, stream: str, dest_ids: Sequence[str]) -> dict[str, str]:
    """Source id per destination id that is linked."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(
            "select l.dest_id, l.source_id from unnest(%b::text[]) as d(dest_id) "
            "join link l on l.dest_id = d.dest_id and l.stream = %s",
            (list(dest_ids), stream),
        )
        return {row[0]: row[1] for row in await rows.fetchall()}


async def linked_by(db: Database, tenant: str, streams: Sequence[str], dest_ids: Sequence[str]) -> dict[str, str]:
    """Per destination id the one of these streams that links it, if one does."""
    if not streams or not dest_ids:
        return {}
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(
            "select l.dest_id, l.stream from unnest(%b::text[]) as d(dest_id) "
            "join link l on l.dest_id = d.dest_id and l.stream = any(%s)",
            (list(dest_ids), list(streams)),
        )
        return {row[0]: row[1] for row in await rows.fetchall()}
