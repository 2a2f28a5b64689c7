"""A Workday tenant in the sandbox, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

from connectors.workday.client import Workday
from connectors.workday.errors import explain, status
from connectors.workday.sandbox import WorkdayEmulator
from connectors.workday.sandbox.access import PASSWORD
from connectors.workday.settings import HOSTS, REQUEST_ID_HEADERS, SYSTEM, WorkdaySettings
from ml_connector.core.auth import UsernameToken
from ml_connector.core.grants import RefreshToken
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import Auth, HttpClient, HttpPolicy
from ml_connector.core.oauth import OAuthClient
from ml_connector.core.secret import Secret
from ml_connector.sandbox.serve import SandboxThread
from tests.core.issuer import MemoryTokenStore

LOOPBACK = HostPolicy(HOSTS, allow_private=True)


class Tenant:
    """The emulator, as the tests look at it."""

    def __init__(self, sandbox: SandboxThread) -> None:
        self.sandbox = sandbox
        self.emulator = cast(WorkdayEmulator, sandbox.emulators[SYSTEM])
        self.origin = sandbox.url(SYSTEM)

    def fault(self, fault: str, path: str = "*", **rule: Any) -> None:
        self.sandbox.world.faults.ask(SYSTEM, fault, path=path, **rule)

    def calls(self) -> int:
        return sum(self.sandbox.world.request_counts.values())

    def user(self, password: str = PASSWORD, name: str = "ISU_Zendesk") -> UsernameToken:
        return UsernameToken(name, Secret(password), "acme/workday")

    def api_client(self) -> RefreshToken:
        client = OAuthClient(
            f"{self.origin}/ccx/oauth2/acme/token", "ml-connector", Secret("sandbox-client-secret"), "", "basic_form"
        )
        return RefreshToken(client, Secret("sandbox-refresh-token"), MemoryTokenStore(), LOOPBACK, "acme/workday")

    @asynccontextmanager
    async def client(self, auth: Auth | None = None, **settings: Any) -> AsyncIterator[Workday]:
        """A client that waits for nothing and gives up soon."""
        http = HttpClient(
            vendor=SYSTEM,
            origin=self.origin,
            auth=auth or self.user(),
            hosts=LOOPBACK,
            explain=explain,
            status=status,
            request_id_headers=REQUEST_ID_HEADERS,
            policy=HttpPolicy(backoff=0.01, deadline=10, tries=3),
        )
        try:
            yield Workday(http, WorkdaySettings.model_validate({"origin": self.origin, "tenant": "acme", **settings}))
        finally:
            await http.aclose()


@contextmanager
def tenant() -> Iterator[Tenant]:
    with SandboxThread((WorkdayEmulator,)) as sandbox:
        yield Tenant(sandbox)
