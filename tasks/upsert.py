"""Upsert: bring the destination in line, once per effect, whatever happens on the way."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ml_connector.core import jsonx
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Database
from ml_connector.core.ledger import CLAIMED, links
from ml_connector.core.links import backlinks, linked_by
from ml_connector.core.records import Decision, Intent, Outcome, Resend, State
from tasks.routed import digested
from tasks.stream import Route, Stream
from tasks.verb import verb

SETTLE_AT = 1_000
"""Outcomes are written down in groups of about this many, as soon as they are known."""
SETTLE_EVERY = 5.0
"""Seconds after which they are, however few: some destinations take one write a second."""
AT_RISK = 4
"""Effects that are claimed at once where none may ever be sent twice: what a crash finds claimed is in doubt, and the
doubt may take a person. Their outcomes are written down one by one."""


@verb()
async def upsert(stream: Stream, chunk: Chunk) -> int:
    """Probe what is in doubt, then send what is open. Returns how many records were settled."""
    before = stream.settled
    await _probe(stream, chunk)
    await _settle(stream, chunk, _refused(chunk))
    intents, decided = await resolve(stream.db, stream.tenant, stream.route, _open(chunk))
    intents = await digested(stream, chunk, intents)
    decided += await stream.route.destination.decide(intents)
    await _settle(stream, chunk, [_as_outcome(d) for d in decided if d.state not in CLAIMED])
    await _send(stream, chunk, decided)
    await stream.ledger.close([chunk.batch_id])
    return stream.settled - before


async def resolve(
    db: Database, tenant: str, route: Route, items: Sequence[Item]
) -> tuple[list[Intent], list[Decision]]:
    """Put one system's ids in place of the other's, and leave out what the destination holds already.

    A record whose parent is not there yet is parked, unless the parent is what another integration has made in the
    same account: then it is none of ours, and unchanged. One whose payload is the same as the last that was sent is
    unchanged, too, without a call, unless it is a replay.
    """
    parents = await _parents(db, tenant, route, items)
    others = await _others(db, tenant, route, items, parents)
    known = await links(db, tenant, route.key, [item.source_id for item in items])
    intents: list[Intent] = []
    decided: list[Decision] = []
    for item in items:
        if item.payload is None:
            continue
        missing = _put_parents(item, parents)
        item.payload_hash = item.payload_hash or jsonx.digest(item.payload)
        dest_id, last_sent = known.get(item.source_id, (None, b""))
        if missing and (other := others.get(str(item.payload[missing]))):
            reason = f"{missing}: it belongs to {other}"
            decided.append(Decision(item.effect_id, item.source_id, "", state=State.UNCHANGED, reason=reason))
        elif missing:
            reason = f"{missing}: {(route.links | route.backlinks)[missing]} does not link it yet"
            decided.append(Decision(item.effect_id, item.source_id, "", state=State.PARKED, reason=reason))
        elif last_sent == item.payload_hash and item.generation == 0:
            decided.append(
                Decision(item.effect_id, item.source_id, "", state=State.UNCHANGED, reason="same as last sent")
            )
        else:
            intents.append(Intent(item.effect_id, item.source_id, item.payload, dest_id, force=item.generation > 0))
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


async def _probe(stream: Stream, chunk: Chunk) -> None:
    doubtful = [item for item in chunk.items if item.state is State.AMBIGUOUS]
    if doubtful:
        asked = [
            Decision(i.effect_id, i.source_id, "", i.request or {}, i.dest_id, attempts=i.attempts) for i in doubtful
        ]
        outcomes = await stream.route.destination.probe(asked)
        crashpoint("upsert.probed")
        await _settle(stream, chunk, outcomes)
        found = {outcome.effect_id: outcome.state for outcome in outcomes}
        for item in doubtful:
            item.state = found.get(item.effect_id, State.AMBIGUOUS)


async def _send(stream: Stream, chunk: Chunk, decided: Sequence[Decision]) -> None:
    stream.settled += sum(decision.state is State.UNCHANGED for decision in decided)
    if stream.route.destination.resend is not Resend.NEVER:
        await _send_together(stream, chunk, decided, SETTLE_AT)
        return
    for n in range(0, len(decided), AT_RISK):
        await _send_together(stream, chunk, decided[n : n + AT_RISK], 1)


async def _send_together(stream: Stream, chunk: Chunk, decided: Sequence[Decision], settle_at: int) -> None:
    hashes = {item.effect_id: item.payload_hash for item in chunk.items if item.payload_hash}
    ready = await stream.ledger.claim(decided, hashes)
    tried = {item.effect_id: item.attempts for item in chunk.items}
    for decision in ready:
        decision.attempts = tried[decision.effect_id]
    known: list[Outcome] = []
    settled = time.monotonic()
    try:
        async for outcomes in stream.route.destination.send(ready):
            crashpoint("upsert.sent")
            known += outcomes
            doubted = any(outcome.state is State.AMBIGUOUS for outcome in outcomes)
            if doubted or len(known) >= settle_at or time.monotonic() - settled > SETTLE_EVERY:
                await _settle(stream, chunk, known)
                known, settled = [], time.monotonic()
    finally:
        await _settle(stream, chunk, known)


async def _settle(stream: Stream, chunk: Chunk, outcomes: Sequence[Outcome]) -> None:
    digests = {item.effect_id: item.stands_for for item in chunk.items if item.stands_for}
    await stream.ledger.settle(outcomes, stream.route.destination.settle_seconds, digests)
    stream.settled += len(outcomes)


def _open(chunk: Chunk) -> list[Item]:
    waiting = (State.PLANNED, State.RETRY_WAIT, State.PARKED)
    return [item for item in chunk.items if item.state in waiting and item.refusal is None]


def _refused(chunk: Chunk) -> list[Outcome]:
    waiting = (State.PLANNED, State.RETRY_WAIT, State.PARKED)
    return [
        Outcome(item.effect_id, item.refusal[0], reason=item.refusal[1])
        for item in chunk.items
        if item.refusal is not None and item.state in waiting
    ]


def _as_outcome(decision: Decision) -> Outcome:
    assert decision.state is not None  # noqa: S101 - the caller has left the others out
    return Outcome(decision.effect_id, decision.state, decision.action, decision.dest_id, decision.reason)


def _put_parents(item: Item, parents: dict[str, dict[str, str]]) -> str | None:
    """Replace the ids of parents; returns the first field whose parent is not linked."""
    payload = item.payload or {}
    for field, linked in parents.items():
        wanted = payload.get(field)
        if wanted is not None:
            if str(wanted) not in linked:
                return field
            payload[field] = linked[str(wanted)]
    return None
