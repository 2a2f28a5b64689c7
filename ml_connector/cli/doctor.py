"""``doctor``: everything that must be in order, and what to do where it is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ml_connector.cli import console
from ml_connector.cli.database import open_database, open_vault
from ml_connector.cli.prefect_api import prefect_api
from ml_connector.cli.settings_check import settings_problems
from ml_connector.cli.templates import load_templates
from ml_connector.cli.tenant_names import LEFT_OUT, tenant_names
from ml_connector.core.db import Database
from ml_connector.core.doctor_query import WaitingEvents, examine
from ml_connector.core.errors import ConnectorError
from ml_connector.core.parking import OVERDUE
from ml_connector.core.records import State
from ml_connector.core.refusals import refused_connections
from ml_connector.core.settings import settings
from ml_connector.core.tenants import load_tenants, without_sandbox

_PROMPT = timedelta(minutes=5)
"""How old an event may become before something keeps it from being handled."""
_COLOUR = {"ok": "green", "warn": "yellow", "fail": "red"}
_ADVICE = {
    State.NEEDS_HUMAN: (
        "warn",
        "compare with the destination: `ml-connector audit {tenant} --state needs_human`, then `ml-connector resolve`",
    ),
    State.AMBIGUOUS: ("warn", "the next run probes them; if they stay, look at the destination"),
    State.PARKED: (
        "warn",
        (
            "they wait for a record that they belong to: `ml-connector audit {tenant} --state parked`; "
            "`ml-connector resolve {tenant} ID abandon` gives one up"
        ),
    ),
    State.RETRY_WAIT: ("ok", "the next run sends them"),
    State.REJECTED: ("warn", "reasons: `ml-connector audit {tenant} --state rejected`"),
}


@dataclass(slots=True, frozen=True)
class Line:
    """One thing that was looked at."""

    level: Literal["ok", "warn", "fail"]
    what: str
    found: str
    advice: str = ""


async def doctor() -> int:
    """Show all that was found; the exit code is 1 if something must be mended."""
    listed = console.table("", "what", "found", "what to do")
    failed = False
    for look in (_files, _database, _prefect):
        async for line in look():
            failed = failed or line.level == "fail"
            cells = [console.cell(text) for text in (line.what, line.found, line.advice)]
            listed.add_row(f"[{_COLOUR[line.level]}]{line.level}[/]", *cells)
    console.out.print(listed)
    return int(failed)


async def _files() -> AsyncIterator[Line]:
    folder = settings().tenants_dir
    try:
        tenants = load_tenants(folder)
    except ConnectorError as error:
        yield Line("fail", "tenant files", error.message, "mend the file")
        return
    for name in without_sandbox(folder):
        yield Line("ok", name, LEFT_OUT)
    yield Line("ok", "tenant files", f"{len(tenants)} in {folder}: {', '.join(one.tenant for one in tenants)}")
    for tenant in tenants:
        for problem in settings_problems(tenant):
            yield Line("fail", f"{tenant.tenant} settings", problem, "mend the file")
        if tenant.alerts is None:
            advice = "`alerts: {block: slack-webhook/ops}` in its file: a notification block of Prefect"
            yield Line("warn", f"{tenant.tenant} alerts", "nobody is told when something fails", advice)
    if settings().allow_private_hosts:
        yield Line("warn", "private hosts", "connections may point at private addresses", "for the sandbox only")


async def _database() -> AsyncIterator[Line]:
    try:
        async with open_database() as db:
            yield Line("ok", "database", "reachable, its tables have the newest version")
            async for line in _inside(db):
                yield line
    except ConnectorError as error:
        yield Line("fail", "database", error.message)


async def _inside(db: Database) -> AsyncIterator[Line]:
    try:
        await open_vault(db)
        yield Line("ok", "master key", "it is the one of this database")
    except ConnectorError as error:
        yield Line("fail", "master key", error.message, "configure the key that the database was written with")
    for tenant in await tenant_names(db):
        async for line in _tenant(db, tenant):
            yield line


async def _tenant(db: Database, tenant: str) -> AsyncIterator[Line]:
    found = await examine(db, tenant)
    for one in await refused_connections(db, tenant):
        said = f"needs to be reconnected, for {console.ago(one.since)}: {one.reason}"
        yield Line("fail", f"{tenant}/{one.connection}", said, f"then `ml-connector ping {tenant}`")
    for lease in found.leases:
        said = f"being written by {lease.holder}; its lease runs for another {lease.seconds_left:.0f} s"
        yield Line("ok", f"{tenant} {lease.stream}", said)
    for opened in found.open_batches:
        said = f"batches with unfinished records: {opened.batches}, the oldest {console.ago(opened.oldest)} old"
        yield Line("ok", f"{tenant} {opened.stream}", said, "the next run takes them up")
    for stream, state, n, old in found.waiting:
        level, advice = _ADVICE[state]
        kind: Literal["ok", "warn"] = "warn" if level == "warn" else "ok"
        since = f", {old} of them for {OVERDUE.days} days or more" if state is State.PARKED and old else ""
        yield Line(kind, f"{tenant} {stream}", f"records {state}: {n}{since}", advice.format(tenant=tenant))
    for waiting in found.events:
        yield _events(tenant, waiting)
    for told in found.told:
        advice = f"when it is mended, `ml-connector events {tenant} --again` looks again"
        yield Line("warn", f"{tenant} {told.stream}", f"told {console.ago(told.at)} ago: {told.reason}", advice)
    yield Line(
        "ok", f"{tenant} audit", f"blocks: {found.audit_blocks}", f"`ml-connector audit verify {tenant}` checks them"
    )


def _events(tenant: str, found: WaitingEvents) -> Line:
    what = f"{tenant} {found.stream or 'events'}"
    said = f"events pending: {found.events}, the oldest {console.ago(found.oldest)} old"
    if not found.heard:
        return Line(
            "warn", what, f"{said}; no stream listens", "`ml-connector apply` makes those listen that want them"
        )
    if datetime.now(UTC) - found.oldest < _PROMPT:
        return Line("ok", what, said, "a run is about to take them")
    return Line("warn", what, said, "is a worker online, and the receiver running? It starts the run that takes them")


async def _prefect() -> AsyncIterator[Line]:
    try:
        async with prefect_api() as client:
            yield Line(
                "ok", "Prefect server", f"{str(client.api_url).rstrip('/')}, version {await client.api_version()}"
            )
            pools = {template.work_pool for template in load_templates()}
            there = {pool.name for pool in await client.read_work_pools()}
            for pool in sorted(pools):
                if pool not in there:
                    yield Line("fail", f"work pool {pool}", "it does not exist", "`ml-connector apply` creates it")
                    continue
                workers = await client.read_workers_for_work_pool(pool)
                online = [worker.name for worker in workers if worker.status.value == "ONLINE"]
                if online:
                    yield Line("ok", f"work pool {pool}", f"workers online: {len(online)}")
                else:
                    advice = f"`prefect worker start --pool {pool}` where the connector is installed"
                    yield Line("fail", f"work pool {pool}", "no worker is online: no run can start", advice)
    except ConnectorError as error:
        yield Line("fail", "Prefect server", error.message)
