"""Transform: the mapping makes of each source body what the destination is to hold."""

from __future__ import annotations

import asyncio

from ml_connector.core import watermarks
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.errors import RejectRecord
from ml_connector.core.records import State
from tasks.routed import addressed, tell_apart
from tasks.stream import Route, Stream
from tasks.verb import verb


@verb()
async def transform(stream: Stream, chunk: Chunk) -> Chunk:
    """Map every record of the chunk; one that cannot be mapped is refused with its reason and stops no other."""
    if stream.route.routing is not None:
        begins = await watermarks.begins(stream.db, stream.tenant, stream.route.key, stream.run.id)
        await tell_apart(stream.route, chunk.items, stream.ledger.known_before, begins)
    for n, item in enumerate(chunk.items):
        mapped(stream.route, item)
        if n % 500 == 499:
            await asyncio.sleep(0)  # let the lease be renewed and the next page arrive
    return chunk


def mapped(route: Route, item: Item) -> None:
    """Put the payload on the item, or the refusal with its reason."""
    mapping = route.mapping
    try:
        if route.routing is not None:
            addressed(route, item)
        elif not mapping.wants(item.body):
            item.refusal = State.UNCHANGED, "the mapping's `when` leaves it out"
        elif (field := mapping.unchosen(item.body)) is not None:
            item.refusal = State.UNCHANGED, f"no rule of the mapping names its {field}"
        else:
            item.payload = mapping.apply(item.body)
    except RejectRecord as error:
        item.refusal = State.REJECTED, error.message
    except Exception as error:  # noqa: BLE001 - a poison record is refused; its text may hold values
        item.refusal = State.REJECTED, f"the mapping failed on it with {type(error).__name__}"
