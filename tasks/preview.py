"""Preview: what a run would write, without writing anything anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial
from itertools import chain
from uuid import UUID

from prefect.artifacts import acreate_table_artifact
from prefect.context import FlowRunContext

from ml_connector.core import watermarks
from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.ids import storable, uuid7
from ml_connector.core.ledger_query import selected
from ml_connector.core.records import Body, Decision, State
from ml_connector.core.selection import Selection, left_out, overtaken
from ml_connector.core.versions import known_before
from tasks.resolve import resolve
from tasks.routed import spread, tell_apart
from tasks.stream import Route, may_resend
from tasks.transform import mapped
from tasks.workspace import Workspace, open_workspace

SHOWN = 500


class Change:
    """One record that would be written, or not, and why. ``request`` holds values: never for Prefect."""

    __slots__ = ("action", "fields", "reason", "request", "source_id", "stream")

    def __init__(self, stream: str, decision: Decision) -> None:
        self.stream = stream
        self.source_id = decision.source_id
        self.action = decision.state.value if decision.state else decision.action
        self.fields = decision.changed
        self.reason = decision.reason
        self.request: Body = decision.request


async def preview(tenant: str, integration: str, streams: Sequence[str]) -> str | None:
    """Show in an artifact which records would change in which fields; names only. Writes nothing else."""
    async with open_workspace(tenant) as workspace:
        await show(workspace, integration, await workspace.routes(integration, streams))
    return None


async def show(workspace: Workspace, name: str, routes: Sequence[Route], selection: Selection | None = None) -> None:
    """The artifact ``preview`` of what would become of the records (`changes`); ``name`` says by which flow."""
    rows: list[dict[str, str]] = []
    counts: Counter[str] = Counter()
    to_come = await fields_to_come(workspace, routes)
    async for change in changes(workspace, routes, selection):
        counts[change.action] += 1
        if change.action != "unchanged" and len(rows) < SHOWN:
            rows.append(_row(change.stream, change.source_id, change.action, change.fields, change.reason or ""))
    if selection is not None:
        rows += [row for route in routes for row in await _left_out(workspace, route, selection)]
    if FlowRunContext.get() is not None:
        told = ", ".join(f"{n} {action}" for action, n in sorted(counts.items())) or "no records"
        await acreate_table_artifact(
            key=f"{workspace.tenant}-{name}-preview".replace("_", "-"),
            description=f"What a run would do now: {told} (at most {SHOWN} are listed); nothing was written. {to_come}",
            table=rows,
        )


async def _left_out(workspace: Workspace, route: Route, selection: Selection) -> list[dict[str, str]]:
    """A row for each reason why records of a stream are not taken up."""
    db, tenant, why = workspace.db, workspace.tenant, []
    if count := await overtaken(db, tenant, route.key, selection):
        why.append(f"a later run has overtaken {count}")
    if not may_resend(route, selection) and (count := await left_out(db, tenant, route.key, selection)):
        why.append(f"{count} may stand there already; resend sends them again, except journals")
    return [_row(route.name, "", "left out", (), one) for one in why]


def _row(stream: str, source_id: str, action: str, fields: Sequence[str], reason: str) -> dict[str, str]:
    return {
        "stream": stream, "source id": source_id, "action": action, "fields": ", ".join(fields), "reason": reason
    }  # fmt: skip


async def fields_to_come(workspace: Workspace, routes: Sequence[Route]) -> str:
    """A sentence that names the custom fields that `apply` has yet to create for the integrations of these streams, ""
    if none. For `changes` they are there from then on, and empty.
    """
    fields = [
        field
        for integration in dict.fromkeys(route.key.partition("/")[0] for route in routes)
        for stream, its in workspace.config.integrations[integration].streams.items()
        if its.enabled
        for field in await workspace.ensure_fields(integration, stream, preview=True)
    ]
    named = ", ".join(dict.fromkeys(fields))
    return f"Fields that are not there yet, and that `ml-connector apply` creates: {named}." if named else ""


async def changes(
    workspace: Workspace, routes: Sequence[Route], selection: Selection | None = None
) -> AsyncIterator[Change]:
    """What would become of each record: of the next window, or of the stored bodies of what is selected."""
    for route in routes:
        chunks = _of_source(workspace, route) if selection is None else _of_ledger(workspace, route, selection)
        sealer = await workspace.vault.sealer(workspace.tenant, "body")
        look = partial(known_before, workspace.db, sealer, workspace.tenant, route.key)
        begins = await watermarks.begins(workspace.db, workspace.tenant, route.key, UUID(int=0))
        async for chunk in chunks:
            await tell_apart(route, chunk.items, look, begins)
            for item in chunk.items:
                if item.refusal is None:
                    mapped(route, item)
            refused = [
                Decision(i.effect_id, i.source_id, "", state=i.refusal[0], reason=i.refusal[1])
                for i in chunk.items
                if i.refusal
            ]
            intents, decided = await resolve(workspace.db, workspace.tenant, route, chunk.items)
            decided += await route.destination.decide(intents, preview=True)
            _show_parked(route, chunk, decided)
            for decision in (*refused, *decided):
                yield Change(route.name, decision)


def _show_parked(route: Route, chunk: Chunk, decided: Sequence[Decision]) -> None:
    """What waits is shown as it was mapped: in a new account most records wait for others of the same run."""
    payloads = {item.effect_id: item.payload or {} for item in chunk.items}
    nested = route.mapping.custom_fields
    for decision in decided:
        if decision.state is State.PARKED and not decision.changed:
            payload = {name: value for name, value in payloads[decision.effect_id].items() if name != "wait"}
            names = [[f"{n}.{key}" for key in value] if n in nested else [n] for n, value in payload.items()]
            decision.changed = tuple(chain.from_iterable(names))
            decision.request = decision.request or payload


async def _of_source(workspace: Workspace, route: Route) -> AsyncIterator[Chunk]:
    window = await watermarks.next_window(
        workspace.db,
        workspace.tenant,
        route.key,
        source_now=await route.source.clock(),
        lookback=route.lookback,
        delay=route.delay,
        start_from=route.start_from,
    )
    async for page in route.source.read(window, None):
        items = [
            Item(uuid7(), storable(r.source_id), r.modified_at or window.hi, r.body)
            for r in spread(route, page.records)
        ]
        yield Chunk(UUID(int=0), items)


async def _of_ledger(workspace: Workspace, route: Route, selection: Selection) -> AsyncIterator[Chunk]:
    sealer = await workspace.vault.sealer(workspace.tenant, "body")
    resend = may_resend(route, selection)
    async for chunk in selected(workspace.db, sealer, workspace.tenant, route.key, selection, resend=resend):
        yield chunk
