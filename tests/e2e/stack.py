"""The whole product as a person starts it: ``ml-connector up``, and then Prefect's REST API as its UI uses it.

Only the emulators, the processes and what Prefect shows are believed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg
import pytest
from dotenv import dotenv_values
from prefect.settings import PREFECT_API_URL, temporary_settings
from psycopg import sql

from ml_connector.cli.apply import carry_out_all
from ml_connector.cli.children import left_over
from ml_connector.cli.plan import plan, wanted_deployments
from ml_connector.cli.prefect_api import prefect_api
from ml_connector.cli.templates import load_templates
from ml_connector.core.settings import ROOT, settings
from ml_connector.core.tenants import load_tenant
from ml_connector.core.vault import MasterKeys
from tests.connections import UNLIMITED, oracle, store_secrets, zendesk
from tests.installation import Sandbox

LEASE_SECONDS = 8.0
FLOW = "oracle-zendesk-sync-customers"
ENDED = ("Completed", "Failed", "Crashed", "Skipped", "Disconnected")
T = TypeVar("T")

_INTEGRATION = """
integrations:
  oracle_zendesk:
    source: oracle
    destination: zendesk
    reject_threshold: {{share: 0.05, minimum: {minimum}}}
    streams:
      organizations: {{delay: 0s, mapping: {mapping}}}
      users: {{delay: 0s}}
      ticket_notes: {{delay: 0s, enabled: {events}}}
      contact_drift: {{enabled: false}}
"""


def until(what: Callable[[], T | None], seconds: float, label: str, *, every: float = 0.05) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {label}"
        time.sleep(every)
    return found


class Stack:
    """What `up` has started, and where it keeps its things."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment
        self.sandbox = Sandbox(environment["SANDBOX_URL"])
        self.api = httpx.Client(base_url=environment["PREFECT_API_URL"], timeout=60)

    def tenant(self, name: str, *, minimum: int = 1_000_000, mapping: str = "{}", events: bool = False) -> Tenant:
        """A tenant with empty systems on both sides: its file, its secrets, and what ``apply`` makes of it.

        ``events``: tickets become notes, told by webhooks.
        """
        self.sandbox.reset()
        self.sandbox.settings("zendesk", rate_scale=None)
        tenant = Tenant(self, name)
        tenant.configure(minimum=minimum, mapping=mapping, events=events)
        return tenant

    def deploy(self, name: str, text: str, flow: str = FLOW) -> str:
        """Write a tenant's file and apply it, without its schedules; the deployment of a flow."""
        file = self.home / "tenants" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tenants" / "defaults.yaml", file.parent)
        file.write_text(text)
        with self.surroundings():
            return asyncio.run(_apply(file, flow))

    def run(self, deployment: str, **parameters: Any) -> FlowRun:
        """The UI's *Run*."""
        made = self.api.post(f"/deployments/{deployment}/create_flow_run", json={"parameters": parameters})
        return FlowRun(self, made.raise_for_status().json()["id"])

    def touch(self, collection: str, **change: Any) -> None:
        """Change records in Oracle so that the next run finds them.

        Its clock counts whole seconds: what was changed in the current one is for the run after that.
        """
        moment = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
        self.sandbox.mutate("oracle_fusion", collection, last_update_date=moment, **change)

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """This process as if it stood in a terminal of the installation."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        settings.cache_clear()
        try:
            with temporary_settings({PREFECT_API_URL: self.environment["PREFECT_API_URL"]}):
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            settings.cache_clear()

    def owner(self, database: str = "ml_connector") -> psycopg.Connection[Any]:
        """A database of the embedded server, past row-level security."""
        url = self.environment["ML_CONNECTOR_OWNER_DATABASE_URL"].replace("/ml_connector?", f"/{database}?")
        return psycopg.connect(url, autocommit=True)

    def rows(self, database: str, table: str) -> list[str]:
        """Every row of a table as text."""
        with self.owner(database) as db:
            found = db.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(table)))
            return sorted(row[0] for row in found)

    def tables(self, database: str) -> list[str]:
        with self.owner(database) as db:
            return [row[0] for row in db.execute("select tablename from pg_tables where schemaname = 'public'")]


class Tenant:
    """A tenant's deployment, as somebody at the Prefect UI uses it."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        self.name = name
        self._deployment = ""

    def configure(self, *, minimum: int = 1_000_000, mapping: str = "{}", events: bool = False) -> None:
        """Write its file and apply it. ``mapping`` is the overlay of the stream ``organizations``."""
        source = oracle("${SANDBOX_URL}", settle_seconds=0.2)
        destination = zendesk("${SANDBOX_URL}", **UNLIMITED, settle_seconds=0.2)
        rest = _INTEGRATION.format(minimum=minimum, mapping=mapping, events=str(events).lower())
        text = f"tenant: {self.name}\nconnections:\n{source}{destination}{rest}"
        self._deployment = self.stack.deploy(self.name, text)

    def start_log_ticket_events(self) -> FlowRun:
        """The UI's *Run* of the flow that ticket events ring for."""
        found = self.stack.api.get(f"/deployments/name/oracle-zendesk-log-ticket-events/{self.name}").raise_for_status()
        return self.stack.run(found.json()["id"])

    def start(self, *streams: str, mode: str = "sync") -> FlowRun:
        """The UI's *Run*; ``organizations`` and ``users`` unless told otherwise."""
        return self.stack.run(self._deployment, streams=list(streams or ("organizations", "users")), mode=mode)


class FlowRun:
    """A flow run: what Prefect says of it, its processes, and its artifacts."""

    def __init__(self, stack: Stack, id_: str) -> None:
        self.stack = stack
        self.id = id_

    def __repr__(self) -> str:
        return f"<FlowRun {self.id}: {' > '.join(self.history())}>"

    @property
    def told(self) -> dict[str, Any]:
        """The run as Prefect's API shows it."""
        found: dict[str, Any] = self.stack.api.get(f"/flow_runs/{self.id}").raise_for_status().json()
        return found

    @property
    def state(self) -> str:
        return str(self.told["state"]["name"])

    @property
    def message(self) -> str:
        return str(self.told["state"]["message"])

    def history(self) -> list[str]:
        """The names of its states, oldest first."""
        return [state["name"] for state in self.states()]

    def states(self) -> list[dict[str, Any]]:
        found = self.stack.api.get("/flow_run_states/", params={"flow_run_id": self.id}).raise_for_status().json()
        return sorted(found, key=lambda state: str(state["timestamp"]))

    def retry(self) -> None:
        """The call that the UI's *Retry* makes."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
        answer = self.stack.api.post(f"/flow_runs/{self.id}/set_state", json={"state": state, "force": True})
        assert answer.raise_for_status().json()["status"] == "ACCEPT"

    def wait(self, *, seconds: float = 180) -> str:
        """Wait until it has ended and its processes are gone; the name of its state."""
        until(lambda: self.state in ENDED and not self.processes(), seconds, f"{self} to end", every=0.2)
        return self.state

    def process(self) -> psutil.Process:
        """Wait for its process. As a person would, press Retry again when a late `Crashed` has undone the retry."""
        looked = time.monotonic()
        while not (found := self.processes()):
            assert time.monotonic() < looked + 120, f"no process of {self}"
            if self.state == "Crashed":
                self.retry()
            time.sleep(0.1)
        return found[-1]

    def processes(self) -> list[psutil.Process]:
        """The processes that execute it now, oldest first.

        After a crash Prefect starts another one for the flow's hooks, for some seconds; it does not count.
        """
        found = [process for process in left_over(self.stack.home) if _executes(process, self.id)]
        return sorted(found, key=lambda process: process.create_time())

    def artifacts(self) -> dict[str, Any]:
        """Its newest artifacts by the last word of their keys: ``progress``, ``balance``, ``records``, ``rejected``."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [self.id]}}, "sort": "CREATED_DESC"}
        newest: dict[str, Any] = {}
        for one in self.stack.api.post("/artifacts/filter", json=wanted).raise_for_status().json():
            data = json.loads(one["data"]) if one["type"] == "table" else one["data"]
            newest.setdefault(one["key"].rpartition("-")[2], data)
        return newest

    def balance(self) -> dict[str, dict[str, Any]]:
        """Its table of what became of the records, by stream."""
        return {row["stream"].partition("/")[2]: row for row in self.artifacts()["balance"]}


@contextmanager
def running_stack() -> Iterator[Stack]:
    """``ml-connector up`` in a folder of its own, and Ctrl-C at the end, which must leave no process behind."""
    home = Path(tempfile.mkdtemp(prefix="mlc-e2e-"))  # short: a unix socket's path has 107 bytes at most
    own = {
        "ML_CONNECTOR_HOME": str(home),
        "ML_CONNECTOR_TENANTS_DIR": str(home / "tenants"),
        "ML_CONNECTOR_MASTER_KEYS": MasterKeys.generate("test"),
        "ML_CONNECTOR_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    command = [sys.executable, "-c", "from ml_connector.cli.main import app; app()", "up", "--port", "0"]
    with (home / "up.log").open("wb") as log:
        up = subprocess.Popen(command, env=clean_environment() | own, cwd=home, stdout=log, stderr=subprocess.STDOUT)
        try:
            until(lambda: _is_up(up, home), 240, "`ml-connector up`", every=0.2)
            addresses = {name: str(value) for name, value in dotenv_values(home / "env").items()}
            yield Stack(home, {**own, **addresses})
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(120)
    forgotten = list(left_over(home))
    assert not forgotten, f"`up` has left processes behind: {forgotten}"
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One stack for all tests of this session."""
    with running_stack() as running:
        yield running


async def _apply(file: Path, flow: str) -> str:
    """Store the secrets and apply the tenant's file, without its schedules; the flow's deployment."""
    tenant = load_tenant(file)
    await store_secrets(settings().database_url, tenant.tenant)
    async with prefect_api() as client:
        changes = plan(wanted_deployments(load_templates(), [tenant]), {})
        assert await carry_out_all(client, [tenant], [], changes, paused=True) == 0
        return str((await client.read_deployment_by_name(f"{flow}/{tenant.tenant}")).id)


def clean_environment() -> dict[str, str]:
    """Our environment without the addresses of another installation, which `up` would use instead of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ML_CONNECTOR_", "PREFECT_"))}


def _is_up(up: subprocess.Popen[bytes], home: Path) -> bool:
    said = (home / "up.log").read_text(errors="replace")
    assert up.poll() is None, f"`up` ended: {said}"
    return "Ctrl-C" in said


def _executes(process: psutil.Process, flow_run_id: str) -> bool:
    try:
        mine = process.environ().get("PREFECT__FLOW_RUN_ID") == flow_run_id
        return mine and "hook" not in process.cmdline()
    except (psutil.Error, OSError):
        return False
