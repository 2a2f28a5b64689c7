"""The streams of Oracle Fusion over real HTTP, against what the pod holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.credit import CreditProfiles
from connectors.oracle_fusion.errors import explain
from connectors.oracle_fusion.parties import PRIVATE, HubOrganizations, HubPersons
from connectors.oracle_fusion.ping import ping
from connectors.oracle_fusion.settings import SYSTEM, OracleSettings
from connectors.oracle_fusion.streams import STREAMS
from connectors.oracle_fusion.suppliers import Suppliers
from connectors.oracle_fusion.totals import NO_ORDER, Receivables, SupplierOrders
from ml_connector.core.auth import ClientCredentialsSpec, build_auth
from ml_connector.core.errors import AbortRun, Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient
from ml_connector.core.records import Body, SourceRecord, Window
from ml_connector.core.secret import Secret
from ml_connector.sandbox.serve import SandboxThread
from ml_connector.sandbox.world import World
from tests.connectors.oracle_pod import Pod
from tests.connectors.oracle_pod import running as running
from tests.connectors.reading import everything, read, read_with_crashes
from tests.core.issuer import MemoryTokenStore


@pytest.fixture
def fusion(running: Pod) -> Pod:
    """A pod with 260 customers, a third of them from one mass import, and 90 contacts."""
    running.anew()
    running.emulator.seed("customers", 260, 5)
    running.emulator.seed("contacts", 90, 5)
    return running


def ids(records: list[SourceRecord]) -> Counter[str]:
    return Counter(record.source_id for record in records)


def held_ids(rows: list[Body], key: str = "PartyId") -> Counter[str]:
    return Counter(str(row[key]) for row in rows)


async def test_every_party_comes_once_as_the_pod_holds_it(fusion: Pod) -> None:
    async with fusion.client() as client:
        organizations = await read(HubOrganizations(client))
        persons = await read(HubPersons(client))

    assert ids(organizations) == held_ids(fusion.held("customers"))
    assert ids(persons) == held_ids(fusion.held("contacts"))
    held = {str(row["PartyId"]): row for row in fusion.held("customers")}
    for record in organizations:
        row = held[record.source_id]
        assert record.modified_at == datetime.fromisoformat(row["LastUpdateDate"]).astimezone(UTC)
        assert record.body == {name: _json(name, value) for name, value in row.items() if value is not None}
    assert all(isinstance(record.body["OrganizationPartyId"], str) for record in persons)


def _json(name: str, value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) or name == "PartyId" else value


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("cap_page", {"rows": 49}),
    ("cap_page", {"rows": 1}),
    ("lie_has_more", {"when": "always"}),
    ("status", {"status": 503, "every": 3}),
    ("truncate", {"every": 4}),
    ("html", {"every": 5}),
]


@pytest.mark.parametrize(("fault", "rule"), FAULTS)
async def test_nothing_is_lost_by_a_pod_that_misbehaves(fusion: Pod, fault: str, rule: dict[str, Any]) -> None:
    fusion.fault(fault, **rule)
    async with fusion.client(page_size=50) as client:
        for stream in (HubOrganizations, HubPersons):
            window = everything()
            assert ids(await read(stream(client), window)) == ids(await read_with_crashes(stream(client), window))
        assert ids(await read(HubOrganizations(client))) == held_ids(fusion.held("customers"))


async def test_a_token_that_expires_while_paging_is_renewed_and_the_page_read_again(fusion: Pod) -> None:
    hosts = HostPolicy((), allow_private=True)
    credential = ClientCredentialsSpec(
        type="oauth_client_credentials",
        token_url=f"{fusion.origin}/oauth2/v1/token",
        client_id="ml-connector",
        scope="urn:opc:resource:consumer::all",
    )
    secrets = {"client_secret": Secret("sandbox-client-secret")}
    fusion.fault("expire_token", path="*hubOrganizations", every=3, times=2)

    auth = build_auth(credential, secrets, MemoryTokenStore(), hosts, "acme/oracle")
    async with fusion.client(auth, page_size=50) as client:
        got = await read(HubOrganizations(client))

    assert ids(got) == held_ids(fusion.held("customers"))


async def test_rows_that_change_while_paging_come_in_this_run_or_the_next(fusion: Pod) -> None:
    fusion.fault("mutate_while_paging", rows=5)
    first = everything()
    async with fusion.client(page_size=50) as client:
        got = await read(HubOrganizations(client), first)
        fusion.world.faults.clear()
        got += await read(HubOrganizations(client), Window(first.hi.replace(year=first.hi.year - 1), everything().hi))

    versions = {(record.source_id, record.body["LastUpdateDate"]) for record in got}
    assert {(str(row["PartyId"]), row["LastUpdateDate"]) for row in fusion.held("customers")} - versions == set()


async def test_a_window_holds_what_changed_in_it(fusion: Pod) -> None:
    async with fusion.client() as client:
        before = await client.clock()
        changed = fusion.emulator.mutate("customers", {"count": 7, "seed": 3})
        got = await read(HubOrganizations(client), Window(before, everything().hi))

    assert Counter(record.body["PartyNumber"] for record in got) == Counter(changed)


@pytest.mark.parametrize("version", range(2, 10))
async def test_all_framework_versions_give_the_same_records(fusion: Pod, version: int) -> None:
    async with fusion.client() as client, fusion.client(framework_version=version) as other:
        for stream in (HubOrganizations, HubPersons, Receivables, SupplierOrders):
            reference = {record.source_id: record.body for record in await read(stream(client))}
            assert {record.source_id: _texts(record.body) for record in await read(stream(other))} == {
                source_id: _texts(body) for source_id, body in reference.items()
            }


def _texts(body: Body) -> Body:
    """Version 9 sends numbers as text: the digits count."""
    return {name: str(value) if isinstance(value, int) else value for name, value in body.items()}


async def test_receivables_are_added_up_per_customer(fusion: Pod) -> None:
    wanted: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0), []])
    for row in sorted(fusion.held("accounts"), key=lambda row: int(row["AccountId"])):
        of_customer = wanted[str(row["CustomerId"])]
        of_customer[0] += 1
        of_customer[1] += Decimal(row["TotalOpenReceivablesForAccount"])
        of_customer[2] += Decimal(row["TotalTransactionsDueForAccount"])
        of_customer[3].append(row["AccountNumber"])
    assert any(count > 1 for count, *_ in wanted.values())

    async with fusion.client(page_size=7) as client:
        records = await read(Receivables(client))
        again = await read_with_crashes(Receivables(client))

    assert records == again
    got = {
        record.source_id: [
            record.body["AccountCount"],
            Decimal(record.body["TotalOpenReceivables"]),
            Decimal(record.body["TotalTransactionsDue"]),
            record.body["AccountNumbers"],
        ]
        for record in records
    }
    assert got == wanted
    assert all(record.modified_at is None for record in records)


async def test_orders_are_added_up_per_supplier_and_currency(fusion: Pod) -> None:
    orders = fusion.held("purchase_orders")
    wanted: dict[str, dict[str, Decimal]] = {str(row["SupplierPartyId"]): {} for row in orders}
    counts = Counter(str(row["SupplierPartyId"]) for row in orders if row["StatusCode"] not in NO_ORDER)
    for row in orders:
        if row["StatusCode"] not in NO_ORDER:
            amounts = wanted[str(row["SupplierPartyId"])]
            amounts[row["CurrencyCode"]] = amounts.get(row["CurrencyCode"], Decimal(0)) + row["Ordered"]

    async with fusion.client(page_size=3) as client:
        records = await read(SupplierOrders(client))

    assert {r.source_id: {c: Decimal(a) for c, a in r.body["Amounts"].items()} for r in records} == wanted
    assert {r.source_id: r.body["OrderCount"] for r in records} == {party: counts[party] for party in wanted}


async def test_a_supplier_is_active_until_its_day_whatever_its_status_says(fusion: Pod) -> None:
    today = datetime.now(UTC).date()
    gone, going = (str(row["SupplierId"]) for row in fusion.held("suppliers")[:2])
    dates = {gone: today.isoformat(), going: (today + timedelta(days=2)).isoformat()}
    for key, day in dates.items():
        fusion.emulator.mutate("suppliers", {"keys": [key], "set": {"InactiveDate": day, "Status": "Inaktiv"}})

    async with fusion.client() as client:
        records = await read(Suppliers(client))

    assert [record.source_id for record in records if not record.body["Active"]] == [gone]


async def test_credit_profiles_join_the_accounts_of_a_customer(fusion: Pod) -> None:
    accounts = [row for row in fusion.held("accounts") if row["AccountNumber"].endswith("-2")]
    second = accounts[0]["AccountNumber"]
    first, customer = second.removesuffix("-2"), str(accounts[0]["CustomerId"])
    lone = next(row for row in fusion.held("accounts") if row["CustomerId"] != accounts[0]["CustomerId"])
    terms = {"CreditLimit": Decimal("1000.10"), "CreditHold": "N", "PaymentTerms": "Net 30"}
    fusion.emulator.mutate("credit_profiles", {"keys": [first], "set": terms})
    fusion.emulator.mutate("credit_profiles", {"keys": [second], "set": terms | {"CreditHold": "Y"}})
    del fusion.emulator.pod.credit_profiles[lone["AccountNumber"]]

    async with fusion.client() as client:
        records = {record.source_id: record.body for record in await read(CreditProfiles(client))}

    assert records.keys() == held_ids(fusion.held("accounts"), "CustomerId").keys()
    assert records[customer] == {
        "CustomerId": customer,
        "CreditLimit": "2000.20",
        "CreditCurrencyCode": "EUR",
        "CreditHold": True,
        "PaymentTerms": "Net 30",
    }
    without = records[str(lone["CustomerId"])]
    assert (without["CreditLimit"], without["CreditHold"], without["PaymentTerms"]) == (None, False, None)


@pytest.mark.parametrize("other", [(Decimal(5), "USD"), (None, "EUR")], ids=["another currency", "no limit"])
async def test_limits_that_cannot_be_added_up_are_no_limit(fusion: Pod, other: tuple[Decimal | None, str]) -> None:
    second = next(row for row in fusion.held("accounts") if row["AccountNumber"].endswith("-2"))
    of_accounts = {second["AccountNumber"]: other, second["AccountNumber"].removesuffix("-2"): (Decimal(5), "EUR")}
    for number, (limit, currency) in of_accounts.items():
        values = {"CreditLimit": limit, "CreditCurrencyCode": currency}
        fusion.emulator.mutate("credit_profiles", {"keys": [number], "set": values})

    async with fusion.client() as client:
        records = {record.source_id: record.body for record in await read(CreditProfiles(client))}

    assert records[str(second["CustomerId"])]["CreditLimit"] is None


class Sales:
    """As much of Oracle Sales as is needed to serve one account and one contact."""

    system = "sales"
    faults: frozenset[str] = frozenset()

    def __init__(self, world: World) -> None:
        del world

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/crmRestApi/resources/11.13.18.05/{resource}", self.page)]

    async def page(self, request: Request) -> JSONResponse:
        row = SALES[request.path_params["resource"]]
        return JSONResponse({"items": [] if f"PartyId != {row['PartyId']}" in request.query_params["q"] else [row]})

    reset = configure = expire_tokens = seed = state = mutate = None


SALES: dict[str, Body] = {
    "accounts": {
        "PartyId": 100100148382061,
        "OrganizationName": "Business World",
        "AddressLine1": "1 Main St",
        "LastUpdateDate": "2024-06-01T10:00:00.123+00:00",
        "links": [{"rel": "self", "href": "https://pod.example/accounts/CDRM_1006"}],
    },
    "contacts": {
        "PartyId": 100100148382099,
        "ContactName": "Ann Lee",
        "AccountPartyId": 100100148382061,
        "WorkPhoneNumber": "555-0101",
        "Gender": "F",
        "LastUpdateDate": "2024-06-01T10:00:00+00:00",
    },
}


async def test_oracle_sales_gives_records_with_the_names_of_the_hub_and_nothing_private() -> None:
    with SandboxThread((Sales,)) as sandbox:  # type: ignore[arg-type]  # its control interface is not used
        http = HttpClient(
            vendor=SYSTEM,
            origin=sandbox.url("sales"),
            auth=None,
            hosts=HostPolicy((), allow_private=True),
            explain=explain,
        )
        client = OracleFusion(http, OracleSettings(origin=sandbox.url("sales"), customer_source="crm"))
        (account,) = await read(STREAMS["HubOrganization"](client))
        (contact,) = await read(STREAMS["HubPerson"](client))
        await http.aclose()

    assert account.source_id == contact.body["OrganizationPartyId"] == "100100148382061"
    assert account.body["Address1"] == account.body["AddressLine1"] == "1 Main St"
    assert "links" not in account.body
    assert (contact.body["PersonName"], contact.body["RawWorkPhoneNumber"]) == ("Ann Lee", "555-0101")
    assert contact.body.keys() & PRIVATE == set()


async def test_only_customers_are_read_where_the_tenant_says_so(fusion: Pod) -> None:
    some = fusion.emulator.mutate("customers", {"count": 9, "seed": 1, "set": {"PartyUsageCode": "SUPPLIER"}})

    async with fusion.client(organization_usage="CUSTOMER") as client:
        got = await read(HubOrganizations(client))

    assert {record.body["PartyNumber"] for record in got} & set(some) == set()
    assert len(got) == 251


# ---- refusals


@pytest.mark.parametrize(
    ("fault", "rule", "error"),
    [
        ("status", {"status": 401}, Reauthenticate),
        ("redirect_to_login", {}, Reauthenticate),
        ("status", {"status": 403, "body": "Unauthorized Access"}, Misconfigured),
        ("status", {"status": 404}, Misconfigured),
        ("status", {"status": 400}, Misconfigured),
        ("status", {"status": 503}, RetryLater),
        ("empty_has_more", {}, RetryLater),
    ],
)
async def test_a_refusal_says_what_must_happen_next(
    fusion: Pod, fault: str, rule: dict[str, Any], error: type[Exception]
) -> None:
    fusion.fault(fault, **rule)
    async with fusion.client() as client:
        with pytest.raises(error) as refused:
            await read(HubOrganizations(client))
    assert "oracle_fusion" in str(refused.value)


async def test_a_query_that_the_pod_refuses_is_a_misconfiguration(fusion: Pod) -> None:
    async with fusion.client() as client:
        with pytest.raises(Misconfigured, match=r"29140.*not queryable"):
            await client.collection("crmRestApi", "hubOrganizations", q="FormattedAddress = 'Fresno'")
    fusion.world.requests.clear()  # it was wrong on purpose


async def test_a_service_that_refuses_every_customer_stops_the_stream(fusion: Pod) -> None:
    fault = "<e:Fault><faultstring>JBO-27024: the limit of canary is wrong</faultstring></e:Fault>"
    body = f"<e:Envelope xmlns:e='x'><e:Body>{fault}</e:Body></e:Envelope>"
    fusion.fault("status", path="*ProfileService", status=500, body=body)
    async with fusion.client() as client:
        with pytest.raises(AbortRun) as refused:
            await read(CreditProfiles(client))
    assert "canary" not in str(refused.value)


async def test_a_pod_without_a_clock_is_not_guessed_at(fusion: Pod) -> None:
    async with fusion.client() as client:
        assert abs((await client.clock()) - datetime.now(UTC)).total_seconds() < 5


# ---- ping


async def test_ping_finds_a_pod_in_order(fusion: Pod) -> None:
    for documents in ("invoices", "holds", "journal_batches", "receivables_invoices"):
        fusion.emulator.seed(documents, 1, 1)
    async with fusion.client(ledger_currency="EUR") as client:
        findings = await ping(client)
        assert client.account == f"127.0.0.1:{fusion.origin.rsplit(':', 1)[1]}"
    assert [finding.what for finding in findings if not finding.ok or finding.hint] == []
    assert len(findings) == 1 + len(STREAMS) + 1


@pytest.mark.parametrize(("said", "ok"), [(None, False), ("EUR", True), ("GBP", False)])
async def test_ping_says_that_receivables_in_several_currencies_must_not_be_added_up(
    fusion: Pod, said: str | None, ok: bool
) -> None:
    async with fusion.client(ledger_currency=said) as client:
        finding = (await ping(client, ["ReceivablesBalance"]))[-1]
        currencies = {record.body["LedgerCurrencyCode"] for record in await read(Receivables(client))}

    assert (finding.ok, currencies) == (ok, {said})
    assert ok or "EUR, USD" in finding.what + str(finding.hint)


async def test_ping_asks_for_parties_as_they_are_read(fusion: Pod) -> None:
    async with fusion.client(organization_usage="BANK") as client:
        finding = (await ping(client, ["HubOrganization"]))[-1]

    assert not finding.ok
    assert "usage BANK" in str(finding.hint)


async def test_ping_tells_what_to_grant_where_nothing_is_shown(fusion: Pod) -> None:
    fusion.fault("no_data_security", path="*hubOrganizations")
    fusion.fault("status", path="*purchaseOrders*", status=403)
    async with fusion.client() as client:
        findings = {finding.what: finding for finding in await ping(client)}

    empty, refused = findings["hubOrganizations: no rows"], findings["purchaseOrders cannot be read"]
    assert not empty.ok
    assert "grant a role" in str(empty.hint)
    assert not refused.ok
    assert "PO_VIEW_PURCHASE_ORDER_PRIV" in str(refused.hint)


async def test_ping_of_a_credential_that_is_refused(fusion: Pod) -> None:
    fusion.fault("status", status=401)
    async with fusion.client() as client:
        (finding,) = await ping(client)
    assert not finding.ok
    assert finding.hint
