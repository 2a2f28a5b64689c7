"""The emulators on a loopback port."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ml_connector.sandbox.serve import SandboxThread
from tests.contracts.openapi import ZENDESK_AMENDMENTS, OpenApi
from tests.sandbox.fusion import CLIENT, SCOPE
from tests.sandbox.zendesk import SPEC, Account


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as sandbox:
        yield sandbox


@pytest.fixture
def vendors(running_sandbox: SandboxThread) -> SandboxThread:
    """All emulators, as after a start."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def fusion(vendors: SandboxThread) -> Iterator[httpx.Client]:
    """A signed-in client of the Oracle Fusion emulator, framework version 4."""
    headers = {"rest-framework-version": "4", "accept": "application/json"}
    with httpx.Client(base_url=vendors.url("oracle_fusion"), headers=headers) as client:
        grant = {"grant_type": "client_credentials", "scope": SCOPE}
        answer = client.post("/oauth2/v1/token", auth=CLIENT, data=grant)
        client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


@pytest.fixture(scope="session")
def zendesk_contract() -> OpenApi | None:
    return OpenApi(SPEC, ZENDESK_AMENDMENTS) if SPEC.is_file() else None


@pytest.fixture
def account(vendors: SandboxThread, zendesk_contract: OpenApi | None) -> Iterator[Account]:
    """The account of the Zendesk emulator, whose requests must keep to the vendor's contract."""
    opened = Account(vendors, zendesk_contract)
    yield opened
    opened.http.close()
