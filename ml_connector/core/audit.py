"""The audit: append-only, in blocks that are chained per tenant by their hashes.

One block is written in the transaction of each transition, with one entry per record. Attempts are entries too: each
``sending`` entry carries the run, the moment and the attempt's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from ml_connector.core.db import Connection, Database


@dataclass(slots=True, frozen=True)
class Origin:
    """What all entries of a block share. ``source`` and ``destination`` name system, operation and API version."""

    stream: str
    run_id: UUID | None = None
    source: str | None = None
    destination: str | None = None
    mapping_hash: str | None = None
    actor: str | None = None
    reason: str | None = None


class Entry(NamedTuple):
    """What happened to one record. ``reason`` names fields and error codes, never values."""

    effect_id: UUID | None
    source_id: str | None
    action: str | None
    status: str
    dest_id: str | None = None
    request_id: str | None = None
    reason: str | None = None
    attempt: int = 0


async def append(conn: Connection, origin: Origin, entries: Sequence[Entry]) -> None:
    """Write one block. Call it last in the transaction: it locks the tenant's chain until the commit."""
    if not entries:
        return
    columns = list(zip(*entries, strict=True))
    await conn.execute(
        """
        select mlc_audit(%s::text, %s::uuid, %s::text, %s::text, %s::text, %s::text, %s::text,
            %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::integer[])
        """,
        (
            origin.stream,
            origin.run_id,
            origin.source,
            origin.destination,
            origin.mapping_hash,
            origin.actor,
            origin.reason,
            *(list(column) for column in columns),
        ),
    )


@dataclass(slots=True, frozen=True)
class Verdict:
    """The result of walking a tenant's chain. ``broken_at`` is the first block that does not fit, None if all do."""

    blocks: int
    entries: int
    broken_at: int | None
    why: str | None = None


async def verify(db: Database, tenant: str) -> Verdict:
    """Recompute every hash of the chain from the stored rows. It may grow meanwhile."""
    # one statement, so that the head and the blocks are those of one moment; without a block it has one row still
    query = """
        select h.seq, h.hash, b.seq, b.entries, b.prev, b.hash, b.entries_hash = e.hash and b.entries = e.count,
            b.hash = mlc_audit_block_hash(b.prev, b.tenant, b.seq, b.at, b.stream, b.run_id, b.source, b.destination,
                b.mapping_hash, b.actor, b.reason, b.entries, b.entries_hash)
        from (values (1)) as one left join audit_head h on true left join audit_block b on true
        cross join lateral (
            select count(*), mlc_audit_entries_hash(array_agg(effect_id order by n), array_agg(source_id order by n),
                array_agg(action order by n), array_agg(status order by n), array_agg(dest_id order by n),
                array_agg(request_id order by n), array_agg(reason order by n), array_agg(attempt order by n)) as hash
            from audit_entry where audit_entry.tenant = b.tenant and audit_entry.seq = b.seq
        ) e
        order by b.seq
    """
    blocks = entries = 0
    previous = b""
    async with db.tenant(tenant) as conn, conn.cursor(name="audit_verify") as cursor:
        await cursor.execute(query)
        async for newest, newest_hash, seq, count, prev, hashed, entries_fit, header_fits in cursor:
            head = newest or 0, bytes(newest_hash or b"")
            if seq is None:
                break
            blocks, entries = blocks + 1, entries + count
            if seq != blocks or bytes(prev) != previous:
                return Verdict(blocks, entries, blocks, "a block is missing or out of order")
            if not entries_fit or not header_fits:
                altered = "its header was altered" if entries_fit else "its entries were altered"
                return Verdict(blocks, entries, seq, altered)
            previous = bytes(hashed)
    if head != (blocks, previous):
        return Verdict(blocks, entries, blocks + 1, "the newest blocks are missing, or their head is")
    return Verdict(blocks, entries, None)
