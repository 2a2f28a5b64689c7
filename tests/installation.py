"""An installation of the product for tests: real Postgres, the sandbox, a tenant, and its flow without Prefect."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prefect.client.schemas.objects import State

from flows.oracle_zendesk import STREAMS, log_ticket_events, sync_customers
from flows.replay import replay
from ml_connector.core.embedded import Embedded
from ml_connector.core.ids import uuid7
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys
from tasks.story import FlowRun, given
from tasks.workspace import open_workspace
from tests.connections import UNLIMITED, oracle, store_secrets, zendesk

_INTEGRATION = """
integrations:
  oracle_zendesk:
    source: oracle
    destination: zendesk
    reject_threshold: {share: 1.0, minimum: 1000000}
    streams:
      organizations: {every: 10m, delay: 0s, lookback: 15m}
      users: {every: 10m, delay: 0s, lookback: 15m}
      receivables: {every: 1h}
      credit_profiles: {every: 1h, enabled: true}
      supplier_orders: {every: 1h}
      ticket_notes: {every: 10m, delay: 0s, start_from: now}
      contact_drift: {every: 10m, delay: 0s, start_from: now}
"""


def _tenant_file(sandbox: str, settle: float) -> str:
    source = oracle(sandbox, ledger_currency="EUR", settle_seconds=settle)
    destination = zendesk(sandbox, **UNLIMITED, settle_seconds=settle)
    return f"tenant: acme\nconnections:\n{source}{destination}{_INTEGRATION}"


class Sandbox:
    """The sandbox's control interface, from outside."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/_sandbox", timeout=120)

    def reset(self) -> None:
        self._http.post("/reset").raise_for_status()

    def seed(self, system: str, collection: str, count: int, seed: int = 1) -> None:
        body = {"system": system, "collection": collection, "count": count, "seed": seed}
        self._http.post("/seed", json=body).raise_for_status()

    def fault(self, system: str, fault: str, method: str = "*", path: str = "*", **rest: Any) -> None:
        body = {"system": system, "method": method, "path": path, "fault": fault, **rest}
        self._http.post("/faults", json=body).raise_for_status()

    def faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._http.get("/faults").json()["faults"]
        return found

    def clear_faults(self) -> None:
        self._http.delete("/faults").raise_for_status()

    def settings(self, system: str, **values: Any) -> None:
        self._http.post("/settings", json={"system": system, **values}).raise_for_status()

    def mutate(self, system: str, collection: str, **change: Any) -> list[str]:
        answer = self._http.post("/mutate", json={"system": system, "collection": collection, **change})
        answer.raise_for_status()
        keys: list[str] = answer.json()["keys"]
        return keys

    def effects(self, system: str = "zendesk", since: int = 0) -> list[dict[str, Any]]:
        found: Any = self._http.get("/effects", params={"system": system, "since": since}).json()
        return list(found["effects"] if isinstance(found, dict) else found)

    def kinds(self, since: int = 0) -> Counter[str]:
        return Counter(effect["kind"] for effect in self.effects(since=since))

    def state(self, system: str, collection: str) -> list[dict[str, Any]]:
        found: Any = self._http.get(f"/state/{system}/{collection}").json()
        return list(found["objects"] if isinstance(found, dict) else found)

    def requests(self) -> list[dict[str, Any]]:
        """How many calls the vendors have been sent: system, method, route, status and their count."""
        found: list[dict[str, Any]] = self._http.get("/requests").json()["counts"]
        return found

    def last_requests(self, system: str) -> list[dict[str, Any]]:
        """The last 500 calls, each with its number and the time ``at`` which it came."""
        found: list[dict[str, Any]] = self._http.get("/requests", params={"system": system, "last": 500}).json()["last"]
        return found

    def writes(self) -> int:
        """Calls other than GET that Zendesk has been sent, tokens aside."""
        return sum(
            row["count"]
            for row in self.requests()
            if row["system"] == "zendesk" and row["method"] != "GET" and "oauth" not in row["route"]
        )


class Installation:
    """A tenant ``acme`` between the sandbox's Oracle and Zendesk."""

    def __init__(self, sandbox: Sandbox, database_url: str) -> None:
        self.sandbox = sandbox
        self.database_url = database_url
        self._has_secrets = False

    async def store_secrets(self) -> None:
        """As ``secret set`` does; once is enough."""
        if self._has_secrets:
            return
        await store_secrets(self.database_url)
        self._has_secrets = True

    async def prepare(self, streams: Sequence[str] = STREAMS) -> None:
        """Store the secrets and create the custom fields, as ``secret set`` and ``apply`` do."""
        await self.store_secrets()
        async with open_workspace("acme") as workspace:
            for stream in streams:
                await workspace.ensure_fields("oracle_zendesk", stream)

    async def sync(
        self,
        run: str | None = None,
        *,
        count: int = 1,
        completed: int | None = None,
        streams: Sequence[str] = ("organizations", "users"),
    ) -> State[Any]:
        """Run the flow's own body as flow run ``run``.

        ``count`` above 1 is a Retry; ``completed`` is how often Prefect was told that it completed (each time).
        """
        return await tell(sync_customers, run, count, completed, streams=list(streams))

    async def log_events(
        self,
        run: str | None = None,
        *,
        count: int = 1,
        completed: int | None = None,
        streams: Sequence[str] = ("ticket_notes", "contact_drift"),
    ) -> State[Any]:
        """The same with the flow that ticket events ring for."""
        return await tell(log_ticket_events, run, count, completed, streams=list(streams))

    async def replay(self, run: str | None = None, *, count: int = 1, **form: Any) -> State[Any]:
        """The same with the replay flow, whose form is filled in so."""
        return await tell(replay, run, count, None, mode="replay", **form)


async def tell(
    flow: Any,
    run: str | None = None,
    count: int = 1,
    completed: int | None = None,
    tenant: str = "acme",
    **parameters: Any,
) -> State[Any]:
    """Run a flow's own body as flow run ``run``; see `Installation.sync`."""
    name = run or str(uuid7())
    token = given.set(FlowRun(name, name, count, count - 1 if completed is None else completed))
    try:
        state: State[Any] = await flow.fn(tenant, **parameters)
        return state
    finally:
        given.reset(token)


@contextmanager
def installation(
    postgres: Embedded, database: str, sandbox_url: str, folder: Path, *, settle: float = 0.2, lease: float = 60.0
) -> Iterator[Installation]:
    """Point this process's settings at a database, a sandbox and a tenant file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "acme.yaml").write_text(_tenant_file(sandbox_url, settle))
    values = {
        "ML_CONNECTOR_DATABASE_URL": postgres.uri(database, "mlc_app"),
        "ML_CONNECTOR_OWNER_DATABASE_URL": postgres.uri(database),
        "ML_CONNECTOR_MASTER_KEYS": MasterKeys.generate("test"),
        "ML_CONNECTOR_ALLOW_PRIVATE_HOSTS": "true",
        "ML_CONNECTOR_LEASE_SECONDS": str(lease),
        "ML_CONNECTOR_TENANTS_DIR": str(folder),
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    settings.cache_clear()
    try:
        yield Installation(Sandbox(sandbox_url), values["ML_CONNECTOR_DATABASE_URL"])
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        settings.cache_clear()
