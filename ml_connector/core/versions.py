"""What was known of a record before: whether there was anything, and the last of its versions that was told, or was not
to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from ml_connector.core import jsonx
from ml_connector.core.chunk import Item
from ml_connector.core.db import Database
from ml_connector.core.records import Body, State
from ml_connector.core.states import CLAIMABLE, literals
from ml_connector.core.vault import Sealer

_AS_IF_NEVER = (*CLAIMABLE, State.REJECTED, State.SUPERSEDED)


async def seen(db: Database, tenant: str, stream: str, source_ids: Sequence[str]) -> set[str]:
    """Those of which the ledger has a version."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(
            "select distinct source_id from effect where stream = %s and source_id = any(%s)",
            (stream, list(source_ids)),
        )
        return {row[0] for row in await rows.fetchall()}


async def known_before(
    db: Database, sealer: Sealer, tenant: str, stream: str, items: Sequence[Item], others: Mapping[UUID, Sequence[str]]
) -> dict[UUID, Body]:
    """The body of the version before, per effect; empty if it is no longer stored; left out if there was none.

    A version that was overtaken before it could be sent, or was rejected, is as if it had never been: the next one
    that is sent tells of what has happened since. ``others``: source ids under which the same record stands. They
    count where the own one was never seen, such as in a channel that a rule has just begun to name.
    """
    found = await _look(db, sealer, tenant, stream, [(item, item.source_id) for item in items])
    strangers = [item for item in items if item.effect_id not in found]
    elsewhere = [(item, source_id) for item in strangers for source_id in others.get(item.effect_id, ())]
    if elsewhere:
        found |= await _look(db, sealer, tenant, stream, elsewhere)
    return {effect_id: body for effect_id, body in found.items() if body is not None}


async def _look(
    db: Database, sealer: Sealer, tenant: str, stream: str, asked: Sequence[tuple[Item, str]]
) -> dict[UUID, Body | None]:
    """None where there are earlier versions, none of which counts."""
    values = {
        "stream": stream,
        "ids": [item.effect_id for item, _ in asked],
        "source_ids": [source_id for _, source_id in asked],
        "versions": [item.version_at for item, _ in asked],
        "bodies": [item.body_of for item, _ in asked],
    }
    async with db.tenant(tenant) as conn:
        rows = await (await conn.execute(_KNOWN, values)).fetchall()
    found: dict[UUID, Body | None] = {}
    for effect_id, body_of, envelope in rows:
        if body_of is None:
            found.setdefault(effect_id, None)
        elif not found.get(effect_id):
            stored = sealer.open("body", "envelope", f"{body_of}:source:0", envelope) if envelope else b"{}"
            found[effect_id] = jsonx.loads(stored)
    return found


# Of two versions of one time the later one was read later. The same version in another channel is no version before.
_KNOWN = f"""
    select i.id, p.body_of, s.envelope
    from unnest((select %(ids)b::uuid[]), (select %(source_ids)b::text[]), (select %(versions)b::timestamptz[]),
        (select %(bodies)b::uuid[])) as i(id, source_id, version_at, body_of)
    cross join lateral (
        select (array_agg(e.body_of order by e.version_at desc, e.body_of desc)
            filter (where e.state not in {literals(_AS_IF_NEVER)}))[1] as body_of
        from effect e
        where e.stream = %(stream)s and e.source_id = i.source_id and (e.version_at < i.version_at
            or e.version_at = i.version_at and e.body_of < i.body_of and e.version_hash <> (
                select w.version_hash from effect w where w.id = i.id))
        having count(*) > 0
    ) p
    left join body s on s.effect_id = p.body_of and s.kind = 'source' and s.attempt = 0
    order by i.id, p.body_of desc nulls last
"""  # noqa: S608 - put together from constants
