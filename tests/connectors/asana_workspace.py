"""An Asana workspace in the sandbox, and a client of it: what the tests of the Asana connector share."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl
from uuid import uuid4

from connectors.asana.client import HOSTS, REQUEST_ID_HEADERS, VENDOR, Asana, explain
from connectors.asana.sandbox import AsanaEmulator
from connectors.asana.sandbox.oauth import PERSONAL_TOKEN
from connectors.asana.sandbox.workspace import PROJECTS, WORKSPACE
from connectors.asana.settings import AsanaSettings
from connectors.asana.tasks import Tasks
from ml_connector.core.auth import Bearer
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient, HttpPolicy
from ml_connector.core.records import Body, Intent
from ml_connector.core.secret import Secret
from ml_connector.sandbox.serve import SandboxThread
from tests.contracts.openapi import OpenApi

SPEC = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "asana" / "openapi.patched.json"
API = "/api/1.0"
ORDERS, PAYABLES = PROJECTS
PROJECT_NAMES = {"orders": ORDERS, "payables": PAYABLES}
FIELDS = {
    "po_number": CustomField(title="PO number", type="text"),
    "amount": CustomField(title="Amount", type="decimal"),
    "status": CustomField(title="Status", type="enum", options=("Open", "Closed")),
    "needed_by": CustomField(title="Needed by", type="date"),
}
WANTED = {"custom_fields": FIELDS}


class Workspace:
    """The emulator, as the tests look at it."""

    def __init__(self, sandbox: SandboxThread) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.emulator = cast(AsanaEmulator, sandbox.emulators["asana"])
        self.emulator.configure({"rate_scale": None})

    @property
    def origin(self) -> str:
        return self.sandbox.url("asana") + API

    def fault(self, fault: str, method: str = "*", path: str = "*", **rule: Any) -> None:
        self.world.faults.ask("asana", fault, method=method, path=f"{API}{path}", **rule)

    def by_hand(self, **change: Any) -> list[str]:
        """What a person does to tasks."""
        return self.emulator.mutate("tasks", change)

    def state(self, collection: str) -> list[Body]:
        return self.emulator.state(collection)

    def effects(self) -> Counter[str]:
        """How often what has happened to the workspace through its API."""
        return Counter(effect.kind for effect in self.world.effects)

    def values(self, task: Body) -> Body:
        """The custom fields of a task by name, as people see them."""
        return {field["name"]: field["display_value"] for field in task["custom_fields"]}

    @asynccontextmanager
    async def client(self, *, token: str = PERSONAL_TOKEN, **settings: Any) -> AsyncIterator[Asana]:
        """A client that waits for nothing and gives up soon."""
        http = HttpClient(
            vendor=VENDOR,
            origin=self.origin,
            auth=Bearer(Secret(token), "acme/asana"),
            hosts=HostPolicy(HOSTS, allow_private=True),
            explain=explain,
            request_id_headers=REQUEST_ID_HEADERS,
            policy=HttpPolicy(tries=3, backoff=0.01, deadline=10),
        )
        given = {"origin": self.origin, "workspace": WORKSPACE, "projects": PROJECT_NAMES, "settle_seconds": 0.0}
        try:
            yield Asana(http, AsanaSettings.model_validate({**given, **settings}))
        finally:
            await http.aclose()

    def violations(self) -> list[str]:
        """What is wrong, by Asana's own contract, with the requests that the workspace has seen."""
        if not SPEC.is_file():
            return []
        found = []
        for seen in self.world.requests:
            if seen.path.startswith(API):
                body = json.loads(seen.body) if seen.body else None
                if body and (seen.method, seen.path.split("/")[3]) == ("PUT", "custom_fields"):
                    body["data"]["workspace"] = (
                        WORKSPACE  # the document wants it, and says that only a new field has it
                    )
                query = dict(parse_qsl(seen.query))
                problems = contract().check_request(seen.method, seen.path.removeprefix(API), query, body)
                found += [f"{seen.method} {seen.path}: {problem}" for problem in problems]
        return found


@lru_cache
def contract() -> OpenApi:
    return OpenApi(SPEC)


@contextmanager
def workspace() -> Iterator[Workspace]:
    """A workspace of two projects; at the end all its requests must have kept to the contract."""
    with SandboxThread((AsanaEmulator,)) as sandbox:
        opened = Workspace(sandbox)
        yield opened
        assert opened.violations() == []


def destination(client: Asana, if_empty: frozenset[str] = frozenset()) -> Tasks:
    return Tasks(client, FIELDS, if_empty)


def intent(payload: Body, dest_id: str | None = None, *, force: bool = False) -> Intent:
    return Intent(uuid4(), payload["external_id"], {"project": "orders", **payload}, dest_id, force)
