"""Routed: a record becomes a message for each channel that the tenant's rules send it to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from ml_connector.core import jsonx
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.errors import RejectRecord
from ml_connector.core.ids import storable, uuid7
from ml_connector.core.records import Body, Decision, Intent, Messenger, SourceRecord, State
from ml_connector.core.routing import DIGEST, Notice, Rule, at, split
from tasks.stream import Route, Stream

KnownBefore = Callable[[Sequence[Item], Mapping[UUID, Sequence[str]]], Awaitable[dict[UUID, Body]]]
"""`ml_connector.core.versions.known_before` of a stream."""


def spread(route: Route, records: Sequence[SourceRecord]) -> list[SourceRecord]:
    """Each record once for each channel that a rule may send it to, so that each is sent, and accounted for, by itself.

    Whether it does go there is decided when it is transformed, from what has been told by then.
    """
    channels = route.routing.channels(route.name) if route.routing else []
    if not channels:
        return list(records)
    return [
        replace(record, source_id=at(storable(record.source_id), channel), record=record.source_id)
        for record in records
        for channel in channels
    ]


async def tell_apart(route: Route, items: Sequence[Item], look: KnownBefore, begins: datetime | None) -> None:
    """Give each item what was known of its record before, and whether it is new or changed.

    What was made before the stream ``begins`` is not new, even if it is seen for the first time.
    """
    if route.routing is None:
        return
    items = [item for item in items if not item.source_id.startswith(DIGEST)]
    channels = route.routing.channels(route.name)
    others = {item.effect_id: [at(split(item.source_id)[0], channel) for channel in channels] for item in items}
    known = await look(items, others)
    for item in items:
        created = route.mapping.created_at(item.body)
        old = item.effect_id in known or (created is not None and begins is not None and created < begins)
        item.context = {"event": "changed" if old else "new", "previous": known.get(item.effect_id)}


def addressed(route: Route, item: Item) -> None:
    """Map the item and put its channel on it; or the refusal, where no rule sends it there. Raises RejectRecord."""
    if item.source_id.startswith(DIGEST):
        item.payload = item.body["payload"]
        return
    channel = split(item.source_id)[1]
    payload, notice = noticed(route, item)
    if not any(why_not is None and channel in rule.to for rule, why_not in ask(route, notice)):
        where = f"sends it to {channel}" if channel else f"concerns {route.name}"
        item.refusal = State.UNCHANGED, f"{' and '.join(notice.events)}: no rule {where}"
        return
    # that it is news no more is no reason to tell the same again
    said = {name: value for name, value in payload.items() if name != "event" or value == "exception"}
    item.payload_hash = jsonx.digest(said)
    item.payload = payload | {"channel": channel}


def ask(route: Route, notice: Notice) -> list[tuple[Rule, str | None]]:
    """The rules that are asked, and why they do not hold; None for those that do. Raises RejectRecord."""
    assert route.routing is not None  # noqa: S101 - asked by who has one
    try:
        return route.routing.asked(notice)
    except ValueError as error:
        raise RejectRecord(f"routing: {error}") from None


def noticed(route: Route, item: Item) -> tuple[Body, Notice]:
    """The payload of a message about the item, and what rules are asked about. Raises RejectRecord."""
    assert isinstance(route.destination, Messenger)  # noqa: S101 - where routing is configured
    body = item.body | item.context
    payload = route.mapping.apply(body)
    event = item.context["event"]
    events = list(dict.fromkeys((event, str(payload.setdefault("event", event)))))
    return payload, Notice(route.name, events, body, route.destination.totals(payload))


async def digested(stream: Stream, chunk: Chunk, intents: Sequence[Intent]) -> list[Intent]:
    """Where too many messages wait for one channel, let one stand for them; returns those that go by themselves."""
    routing, destination = stream.route.routing, stream.route.destination
    by_channel: dict[str, list[Intent]] = defaultdict(list)
    for intent in intents:
        by_channel[str(intent.payload.get("channel"))].append(intent)
    if routing is None or not isinstance(destination, Messenger):
        return list(intents)
    single: list[Intent] = []
    hashes = {item.effect_id: item.payload_hash for item in chunk.items if item.payload_hash}
    for channel, waiting in by_channel.items():
        records = [intent for intent in waiting if not intent.source_id.startswith(DIGEST)]
        if len(records) <= routing.digest_above:
            single += waiting
            continue
        single += [intent for intent in waiting if intent.source_id.startswith(DIGEST)]
        decisions = [Decision(intent.effect_id, intent.source_id, "digest") for intent in records]
        stream.settled += await stream.ledger.stand_for(
            at(f"{DIGEST}{uuid7().hex}", channel),  # another one each time: the one before may have been refused
            decisions,
            hashes,
            partial(_compose, destination, stream.route.name, records),
        )
    return single


def _compose(destination: Messenger, stream: str, intents: Sequence[Intent], members: Collection[UUID]) -> Body:
    taken = set(members)
    told = [intent.payload for intent in intents if intent.effect_id in taken]
    return {"payload": destination.digest(stream, told)}
