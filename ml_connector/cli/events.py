"""``events``: what vendors have told by webhook, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from ml_connector.cli import console
from ml_connector.cli.database import open_database
from ml_connector.cli.rows import Format, put_out, span
from ml_connector.cli.tenant_names import require_tenant
from ml_connector.core.errors import Misconfigured
from ml_connector.core.inbox import release
from ml_connector.core.inbox_query import Event, events

_STATES = ("pending", "rejected", "done")
_UNSETTLED = ["pending", "rejected"]
_SHOWN = ("id", "received_at", "stream", "kind", "object_key", "state", "attempts", "reason")


async def show(
    tenant: str, *, state: str | None, since: str | None, record: str | None, again: bool, form: Format
) -> None:
    """List events, all but the handled ones unless a state is given; ``again`` lets those that are listed come again.

    Misconfigured if there is no such state.
    """
    if state is not None and state not in _STATES:
        raise Misconfigured(f"there is no state {state}; an event is {', '.join(_STATES)}")
    async with open_database() as db:
        await require_tenant(db, tenant)
        wanted = events(db, tenant, states=[state] if state else _UNSETTLED, since=span(since), record=record)
        async with aclosing(wanted) as found:
            listed = [event async for event in found]

        async def rows() -> AsyncGenerator[dict[str, Any]]:
            for event in listed:
                yield asdict(event)

        await put_out(form, rows(), list(Event.__dataclass_fields__), _SHOWN)
        if again:
            released = await release(db, tenant, [event.id for event in listed])
            console.err.print(f"{released} events come again: the doorbell rings for them within 15 seconds.")
