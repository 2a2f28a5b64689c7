"""Resolve: one system's ids for the other's, and what is known of a record before its destination is asked."""

from __future__ import annotations

from collections.abc import Sequence

from ml_connector.core import jsonx
from ml_connector.core.chunk import Item
from ml_connector.core.db import Database
from ml_connector.core.links import backlinks, linked_by, links
from ml_connector.core.records import Body, Decision, Intent, State
from tasks.stream import Route


async def resolve(
    db: Database, tenant: str, route: Route, items: Sequence[Item]
) -> tuple[list[Intent], list[Decision]]:
    """Put one system's ids in place of the other's, and leave out what the destination holds already.

    A record whose parent is not there yet is parked, unless the parent is what another integration has made in the
    same account: then it is none of ours, and unchanged. So is one whose payload says that it need not ``wait``, and,
    unless it is a replay, one whose payload is the same as the last that was sent: without a call.
    """
    parents = await _parents(db, tenant, route, items)
    others = await _others(db, tenant, route, items, parents)
    known = await links(db, tenant, route.key, [item.source_id for item in items])
    intents: list[Intent] = []
    decided: list[Decision] = []
    for item in items:
        if item.payload is None:
            continue
        payload, missing = _with_parents(item.payload, parents)
        waits = payload.get("wait") is not False
        payload = {field: value for field, value in payload.items() if field != "wait"}
        item.payload_hash = item.payload_hash or jsonx.digest(payload)
        dest_id, last_sent = known.get(item.source_id, (None, b""))
        if missing and (other := others.get(str(payload[missing]))):
            reason = f"{missing}: it belongs to {other}"
            decided.append(Decision(item.effect_id, item.source_id, "", state=State.UNCHANGED, reason=reason))
        elif missing and not waits:
            reason = f"{missing}: it is not there, and not awaited"
            decided.append(Decision(item.effect_id, item.source_id, "", state=State.UNCHANGED, reason=reason))
        elif missing:
            reason = f"{missing}: {(route.links | route.backlinks)[missing]} does not link it yet"
            decided.append(Decision(item.effect_id, item.source_id, "", state=State.PARKED, reason=reason))
        elif last_sent == item.payload_hash and item.generation == 0:
            decided.append(
                Decision(item.effect_id, item.source_id, "", state=State.UNCHANGED, reason="same as last sent")
            )
        else:
            intents.append(Intent(item.effect_id, item.source_id, payload, dest_id, force=item.generation > 0))
    return intents, decided


async def _parents(db: Database, tenant: str, route: Route, items: Sequence[Item]) -> dict[str, dict[str, str]]:
    """Per payload field that names another record: its id in one system -> its id in the other."""
    payloads = [item.payload for item in items if item.payload is not None]
    parents: dict[str, dict[str, str]] = {}
    for field, key in route.links.items():
        named = [str(payload[field]) for payload in payloads if payload.get(field)]
        parents[field] = {one: dest_id for one, (dest_id, _) in (await links(db, tenant, key, named)).items()}
    for field, key in route.backlinks.items():
        named = [str(payload[field]) for payload in payloads if payload.get(field)]
        parents[field] = await backlinks(db, tenant, key, named)
    return parents


async def _others(
    db: Database, tenant: str, route: Route, items: Sequence[Item], parents: dict[str, dict[str, str]]
) -> dict[str, str]:
    """Of the destination's objects that are named and not linked: those that another integration links, and by what."""
    named = {str(item.payload[f]) for item in items if item.payload for f in route.backlinks if item.payload.get(f)}
    return await linked_by(db, tenant, route.neighbours, sorted(named.difference(*map(set, parents.values()))))


def _with_parents(payload: Body, parents: dict[str, dict[str, str]]) -> tuple[Body, str | None]:
    """The payload with the ids of its parents replaced; and the first field whose parent is not linked."""
    replaced = dict(payload)
    for field, linked in parents.items():
        wanted = payload.get(field)
        if wanted is not None:
            if str(wanted) not in linked:
                return payload, field
            replaced[field] = linked[str(wanted)]
    return replaced, None
