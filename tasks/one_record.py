"""One record, as its source has it now, and where it would go: for a person who looks at the routing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from ml_connector.core import watermarks
from ml_connector.core.chunk import Item
from ml_connector.core.errors import Misconfigured
from ml_connector.core.ids import uuid7
from ml_connector.core.records import Body, LookupSource, Messenger, SourceRecord
from ml_connector.core.retention import find_records
from ml_connector.core.routing import Rule, split
from ml_connector.core.tenants import INTEGRATIONS
from ml_connector.core.versions import known_before
from tasks.routed import ask, noticed, spread, tell_apart
from tasks.stream import Route
from tasks.workspace import Workspace


@dataclass(slots=True, frozen=True)
class Addressed:
    """A record as it would be told in one channel: the rules for that channel with why they do not hold (None: they
    do), and the message.
    """

    channel: str
    rules: list[tuple[Rule, str | None]]
    events: Collection[str]
    payload: Body = field(repr=False)


async def in_channels(workspace: Workspace, stream: str, key: str) -> tuple[Messenger, list[Addressed]]:
    """What would become of a record now, channel by channel. ``key``: its id, or the number that the ledger knows.

    Misconfigured: no such stream is routed, no rule concerns it, or the source has no such record. RejectRecord: it
    cannot be mapped.
    """
    route = await _route(workspace, stream)
    if route.routing is None or not route.routing.channels(stream):
        raise Misconfigured(f"no rule in the routing of tenant {workspace.tenant} concerns {stream}")
    items = [
        Item(uuid7(), one.source_id, one.modified_at or await route.source.clock(), one.body)
        for one in spread(route, [await _read(workspace, route, key)])
    ]
    sealer = await workspace.vault.sealer(workspace.tenant, "body")
    begins = await watermarks.begins(workspace.db, workspace.tenant, route.key, UUID(int=0))
    look = partial(known_before, workspace.db, sealer, workspace.tenant, route.key)
    await tell_apart(route, items, look, begins)
    found = []
    for item in items:
        channel = split(item.source_id)[1] or ""
        payload, notice = noticed(route, item)
        rules = [(rule, why_not) for rule, why_not in ask(route, notice) if channel in rule.to]
        found.append(Addressed(channel, rules, notice.events, payload))
    assert isinstance(route.destination, Messenger)  # noqa: S101 - as `_route` has seen
    return route.destination, found


async def _route(workspace: Workspace, stream: str) -> Route:
    for name, pair in INTEGRATIONS.items():
        if pair.routed and stream in pair.streams and name in workspace.config.integrations:
            routes = await workspace.routes(name, [stream])
            if routes and isinstance(routes[0].destination, Messenger):
                return routes[0]
    known = ", ".join(one for pair in INTEGRATIONS.values() if pair.routed for one in pair.streams)
    raise Misconfigured(
        f"tenant {workspace.tenant} has no stream {stream} of messages switched on; there can be: {known}"
    )


async def _read(workspace: Workspace, route: Route, key: str) -> SourceRecord:
    source = route.source
    if not isinstance(source, LookupSource):
        raise Misconfigured(f"single records of {route.name} cannot be read")
    known = (await find_records(workspace.db, workspace.tenant, key)).get(route.key, [])
    for one in dict.fromkeys((key, *(split(source_id)[0] for source_id in known))):
        if records := await source.lookup([one]):
            return records[0]
    raise Misconfigured(
        f"{source.system} has no record {key} of {route.name}, or does not show it to us. Take its id, or a number "
        "that was read before"
    )
