"""What Fusion's answers mean: refusals in four shapes, timestamps in any, profiles in and out of an envelope."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response as HttpResponse
from starlette.routing import BaseRoute, Route

from connectors.oracle_fusion import instants
from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.errors import explain
from connectors.oracle_fusion.profile import PATH, Profile, active_profile
from connectors.oracle_fusion.rows import normalised
from connectors.oracle_fusion.settings import SYSTEM, OracleSettings
from ml_connector.core.errors import (
    ConnectorError,
    Misconfigured,
    Reauthenticate,
    RejectRecord,
    RetryLater,
)
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient
from ml_connector.core.response import Response
from ml_connector.sandbox.serve import SandboxThread
from ml_connector.sandbox.world import World

CANARY = "Canary GmbH"


def structured(*details: dict[str, str]) -> bytes:
    return json.dumps({"title": "Bad Request", "status": "400", "o:errorDetails": details}).encode()


@pytest.mark.parametrize(
    ("status", "phase", "body", "error", "said"),
    [
        (400, "GET", structured({"detail": CANARY, "o:errorCode": "29140"}), Misconfigured, "29140 (the query"),
        (
            400,
            "PATCH",
            structured({"detail": CANARY, "o:errorCode": "PER-1530021", "o:errorPath": "/NormalHours"}),
            RejectRecord,
            "PER-1530021 at NormalHours",
        ),
        (400, "POST", structured({"o:errorPath": f"/Name/{CANARY}", "o:errorCode": CANARY}), RejectRecord, "at Name"),
        (400, "POST", f"{CANARY} (AP-810245), INV-12345".encode(), RejectRecord, "AP-810245 (an invoice with"),
        (400, "POST", f"JBO-27014: {CANARY} (PO-1) is required".encode(), RejectRecord, "27014 (a required"),
        (400, "POST", structured({"detail": f"JBO-25014: {CANARY}"}), RetryLater, "25014"),
        (412, "PATCH", b"", RetryLater, "meanwhile"),
        (403, "GET", f"<html>{CANARY} JBO-27014</html>".encode(), Misconfigured, "either a privilege"),
        (401, "GET", b"", Reauthenticate, "reconnect"),
        (404, "GET", b"", Misconfigured, "no such resource"),
        (406, "GET", b"", Misconfigured, "framework version"),
        (503, "GET", b"\xff\x00", RetryLater, "503"),
        (400, "GET", b"[1]", Misconfigured, "refused with 400"),
    ],
)
def test_refusals_are_told_by_code_and_attribute_never_by_the_vendors_text(
    status: int, phase: str, body: bytes, error: type[ConnectorError], said: str
) -> None:
    explained = explain(Response(status, {}, body, "ecid-1"), f"{phase} /crmRestApi/resources/latest/hubOrganizations")

    assert type(explained) is error
    assert said in str(explained)
    assert "ecid-1" in str(explained)
    for secret in ("Canary", "GmbH", "INV", "PO-1"):
        assert secret not in str(explained)


@pytest.mark.parametrize("name", ["error_400_adf", "error_400_paths"])
def test_the_recorded_error_bodies(specs: Path, name: str) -> None:
    sample = (specs / "oracle" / "samples" / f"{name}.json").read_bytes()
    (detail,) = json.loads(sample)["o:errorDetails"]

    said = str(explain(Response(400, {}, sample), "GET /x"))

    assert detail["o:errorCode"] in said
    assert detail["detail"] not in said


@pytest.mark.parametrize(
    ("raw", "at", "unit"),
    [
        ("2023-08-07T07:42:06.138+00:00", datetime(2023, 8, 7, 7, 42, 6, 138000, UTC), 1000),
        ("2025-08-08T07:26:01+00:00", datetime(2025, 8, 8, 7, 26, 1, 0, UTC), 1_000_000),
        ("2025-08-08T07:26:01.5Z", datetime(2025, 8, 8, 7, 26, 1, 500000, UTC), 100_000),
        ("2025-08-08T07:26:01.123456789+00:00", datetime(2025, 8, 8, 7, 26, 1, 123456, UTC), 1),
        ("2026-10-25T02:30:00.000+02:00", datetime(2026, 10, 25, 0, 30, 0, 0, UTC), 1000),
        ("2026-10-25T02:30:00.000+0100", datetime(2026, 10, 25, 1, 30, 0, 0, UTC), 1000),
        ("4712-12-31T00:00:00Z", datetime(4712, 12, 31, 0, 0, 0, 0, UTC), 1_000_000),
    ],
)
def test_timestamps_are_read_with_their_precision(raw: str, at: datetime, unit: int) -> None:
    seen = instants.parse(raw)

    assert seen is not None
    assert (seen.at, seen.unit) == (at, unit)
    assert datetime.fromisoformat(instants.literal(seen.micros).strip("'")) == at


@pytest.mark.parametrize(
    "raw",
    [
        None,
        0,
        "",
        "2026-11-20",
        "2026-11-20T08:15:30",
        "2026-11-20T08:15:30.123",
        "2026-11-20 08:15:30Z",
        "2026-13-20T08:15:30Z",
        "2026-11-20T08:15:60Z",
        "0001-01-01T00:00:00+14:00",
        "2026-11-20T08:15:30Z; drop",
        "\uff12026-11-20T08:15:30Z",
    ],
)
def test_what_is_no_instant_is_not_guessed(raw: object) -> None:
    assert instants.parse(raw) is None


@pytest.mark.parametrize(
    "sample",
    [
        "constructed_invoices_expand_framework1",
        "constructed_invoices_expand_framework3plus",
        "constructed_invoices_framework9",
    ],
)
def test_rows_of_all_framework_versions_have_one_shape(specs: Path, sample: str) -> None:
    items = json.loads((specs / "oracle" / "samples" / f"{sample}.json").read_text())["items"]

    (row,) = [normalised(item) for item in items]

    assert isinstance(row["InvoiceId"], str)
    assert row.keys() & {"links", "@context"} == set()
    assert not any(isinstance(value, dict) for value in row.values())
    for children in (value for value in row.values() if isinstance(value, list)):
        assert all(child.keys() & {"links", "items"} == set() for child in children)


def test_framework_version_1_is_refused_with_the_reason() -> None:
    with pytest.raises(ValidationError, match="matches no row"):
        OracleSettings(origin="https://acme.fa.us2.oraclecloud.com", framework_version=1)


# ---- the SOAP service

SERVICE = "http://xmlns.oracle.com/apps/financials/receivables/customers/customerProfileService/"
FOUND = (
    f'<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><r xmlns="{SERVICE}types/">'
    f'<result xmlns:n="{SERVICE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><n:Value>'
    "<n:CreditHold>Y</n:CreditHold><n:CreditLimit>1000.10</n:CreditLimit><n:CreditCurrencyCode>EUR"
    '</n:CreditCurrencyCode><n:PaymentTerms xsi:nil="true"/></n:Value></result></r></env:Body></env:Envelope>'
)
MULTIPART = f"--b\r\nContent-Type: application/xop+xml\r\n\r\n{FOUND}\r\n--b--\r\n"
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def fault(code: str, detail: str = "") -> str:
    return (
        '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><env:Fault>'
        f"<faultcode>{code}</faultcode><faultstring>JBO-{detail}: {CANARY}</faultstring><detail>"
        f"<e:Error xmlns:e='x'><e:code>{detail}</e:code></e:Error></detail></env:Fault></env:Body></env:Envelope>"
    )


class Service:
    """Answers every call with what the test has put there."""

    system = "service"
    faults: frozenset[str] = frozenset()
    answer: tuple[int, str, str] = (200, FOUND, "text/xml")
    reset = configure = expire_tokens = seed = state = mutate = None

    def __init__(self, world: World) -> None:
        del world

    def routes(self) -> list[BaseRoute]:
        return [Route(PATH, self.called, methods=["POST"])]

    async def called(self, request: Request) -> HttpResponse:
        assert "<cus:AccountNumber>4 &amp; 5</cus:AccountNumber>" in (await request.body()).decode()
        status, body, kind = self.answer
        return HttpResponse(body, status, media_type=kind)


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, OracleFusion]]:
    with SandboxThread((Service,)) as sandbox:  # type: ignore[arg-type]  # its control interface is not used
        origin = sandbox.url("service")
        hosts = HostPolicy((), allow_private=True)
        http = HttpClient(vendor=SYSTEM, origin=origin, auth=None, hosts=hosts, explain=explain)
        emulator: Any = sandbox.emulators["service"]
        yield emulator, OracleFusion(http, OracleSettings(origin=origin))
        await http.aclose()


@pytest.mark.parametrize(("body", "kind"), [(FOUND, "text/xml"), (MULTIPART, "multipart/related; boundary=b")])
async def test_a_profile(service: tuple[Service, OracleFusion], body: str, kind: str) -> None:
    emulator, client = service
    emulator.answer = (200, body, kind)

    assert await active_profile(client, "4 & 5") == Profile(Decimal("1000.10"), "EUR", hold=True, terms=None)


async def test_an_account_without_a_profile_is_no_error(service: tuple[Service, OracleFusion]) -> None:
    emulator, client = service
    emulator.answer = (500, fault("env:Server", "FND:::FND_CMN_RCRD_MSNG"), "text/xml")

    assert await active_profile(client, "4 & 5") is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, fault("env:Server", "27024"), RejectRecord),
        (200, fault("env:Server", "27024"), RejectRecord),
        (500, fault("wsse:FailedAuthentication"), Reauthenticate),
        (500, "<html>bad gateway</html>", RetryLater),
        (200, FOUND[:-40], RetryLater),
        (200, ENTITY + FOUND.replace("<n:CreditHold>Y", "<n:CreditHold>&e;"), RetryLater),
    ],
)
async def test_refusals_of_the_profile_service(
    service: tuple[Service, OracleFusion], status: int, body: str, error: type[ConnectorError]
) -> None:
    emulator, client = service
    emulator.answer = (status, body, "text/xml")

    with pytest.raises(error) as refused:
        await active_profile(client, "4 & 5")
    assert "Canary" not in str(refused.value)
    assert refused.value.vendor == SYSTEM
