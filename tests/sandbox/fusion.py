"""What the tests of the Oracle Fusion emulator ask it, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from ml_connector.sandbox.serve import SandboxThread

ORGANIZATIONS = "/crmRestApi/resources/11.13.18.05/hubOrganizations"
CLIENT = ("ml-connector", "sandbox-client-secret")
SCOPE = "urn:opc:resource:consumer::all"
BY_TIME = "LastUpdateDate:asc,PartyId:asc"
ALWAYS = "LastUpdateDate >= '2020-01-01T00:00:00.000+00:00'"


def get(client: httpx.Client, path: str, *, version: int = 4, **parameters: Any) -> dict[str, Any]:
    answer = client.get(path, params=parameters, headers={"rest-framework-version": str(version)})
    answer.raise_for_status()
    page: dict[str, Any] = answer.json()
    return page


def seed(vendors: SandboxThread, customers: int, contacts: int = 0) -> list[dict[str, Any]]:
    fusion = vendors.emulators["oracle_fusion"]
    fusion.seed("customers", customers, 7)
    if contacts:
        fusion.seed("contacts", contacts, 7)
    return fusion.state("customers")


def fault(vendors: SandboxThread, **rule: Any) -> None:
    answer = httpx.post(f"{vendors.base_url}/_sandbox/faults", json={"system": "oracle_fusion", **rule})
    answer.raise_for_status()


def newest(rows: list[dict[str, Any]]) -> str:
    return str(max(row["LastUpdateDate"] for row in rows))[:-6] + "999+00:00"
