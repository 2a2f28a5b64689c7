"""A QAD instance in the sandbox, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

from connectors.qad.client import Qad
from connectors.qad.errors import explain, status
from connectors.qad.sandbox import QadEmulator
from connectors.qad.sandbox.emulator import PASSWORD
from connectors.qad.settings import HOSTS, REQUEST_ID_HEADERS, SYSTEM, QadSettings
from ml_connector.core.auth import PasswordGrantSpec, build_auth
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient, HttpPolicy
from ml_connector.core.secret import Secret
from ml_connector.sandbox.serve import SandboxThread
from tests.core.issuer import MemoryTokenStore

CUSTOMERS = {
    "browse": "urn:browse:mfg:cm300",
    "key": ["sharedSetCode", "customerCode"],
    "fields": {
        "sharedSetCode": "debtor.SharedSetCode",
        "customerCode": "debtor.DebtorCode",
        "businessRelationName": "businessRelation.BusinessRelationName1",
        "EMail": "address.AddressEMail",
    },
    "links": {"recordUrl": "https://acme.qad.com/clouderp/#/customer?code={customerCode}"},
}
CONTACTS = {
    "browse": "urn:browse:mfg:cm803",
    "key": ["contactCode"],
    "fields": {
        "contactCode": "contact.ContactID",
        "customerCode": "debtor.DebtorCode",
        "EMail": "contact.ContactEMail",
        "telephone": "contact.ContactTelephone",
    },
}


class InstanceUnderTest:
    """The emulator, as the tests look at it."""

    def __init__(self, sandbox: SandboxThread) -> None:
        self.sandbox = sandbox
        self.emulator = cast(QadEmulator, sandbox.emulators[SYSTEM])
        self.origin = f"{sandbox.url(SYSTEM)}/clouderp"

    def fault(self, fault: str, path: str = "*/browses", **rule: Any) -> None:
        self.sandbox.world.faults.ask(SYSTEM, fault, path=path, **rule)

    def calls(self, path: str) -> int:
        return sum(n for key, n in self.sandbox.world.request_counts.items() if key[2].endswith(path))

    @asynccontextmanager
    async def client(self, password: str = PASSWORD, **settings: Any) -> AsyncIterator[Qad]:
        """A client that waits for nothing and gives up soon."""
        hosts = HostPolicy(HOSTS, allow_private=True)
        spec = PasswordGrantSpec(
            type="oauth_password", token_url=f"{self.origin}/oauth/token", client_id="ml-connector", username="mlc"
        )
        http = HttpClient(
            vendor=SYSTEM,
            origin=self.origin,
            auth=build_auth(spec, {"password": Secret(password)}, MemoryTokenStore(), hosts, "acme/qad"),
            hosts=hosts,
            explain=explain,
            status=status,
            request_id_headers=REQUEST_ID_HEADERS,
            policy=HttpPolicy(backoff=0.01, deadline=10, tries=3),
        )
        entities = settings.pop("entities", {"customers": CUSTOMERS})
        try:
            yield Qad(http, QadSettings.model_validate({"origin": self.origin, "entities": entities, **settings}))
        finally:
            await http.aclose()


@contextmanager
def instance() -> Iterator[InstanceUnderTest]:
    with SandboxThread((QadEmulator,)) as sandbox:
        yield InstanceUnderTest(sandbox)
