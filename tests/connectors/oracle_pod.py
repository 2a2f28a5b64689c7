"""A Fusion pod in the sandbox, and clients of it: what the tests of the Oracle connector share."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.errors import explain
from connectors.oracle_fusion.sandbox import OracleFusionEmulator
from connectors.oracle_fusion.sandbox.ledger_setup import SEGMENTS
from connectors.oracle_fusion.settings import HOSTS, REQUEST_ID_HEADERS, SYSTEM, OracleSettings
from ml_connector.core.auth import Basic
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import Auth, HttpClient, HttpPolicy
from ml_connector.core.records import Body
from ml_connector.core.secret import Secret
from ml_connector.sandbox.serve import SandboxThread

CONTRACT = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "oracle" / "fusion_contract.json"
FAMILIES = {
    "hubOrganizations": ("crmRestApi", "Hub_Organizations"),
    "hubPersons": ("crmRestApi", "Hub_Persons"),
    "receivablesCustomerAccountActivities": ("fscmRestApi", "Receivables_Customer_Account_Activities"),
    "purchaseOrders": ("fscmRestApi", "Purchase_Orders"),
    "invoices": ("fscmRestApi", "Invoices"),
    "invoiceHolds": ("fscmRestApi", "Invoice_Holds"),
    "journalBatches": ("fscmRestApi", "Journal_Batches"),
    "receivablesInvoices": ("fscmRestApi", "Receivables_Invoices"),
    "suppliers": ("fscmRestApi", "Suppliers"),
    "erpintegrations": ("fscmRestApi", "ERP_Integrations"),
    "valueSets": ("fscmRestApi", "Value_Sets"),
}
LISTS_OF_VALUES = {
    "ledgersLOV": {"LedgerId", "Name"},
    "accountingPeriodStatusLOV": {"PeriodNameId", "ApplicationId", "LedgerId"},
    "accountCombinationsLOV": {"_CODE_COMBINATION_ID", "_CHART_OF_ACCOUNTS_ID", *SEGMENTS},
}
"""Not in the reference that is at hand: the attributes that the connector queries."""
SCHEDULER = "/ess/rest/scheduler/v1/requests"
PROFILE_SERVICE = "/fscmService/ReceivablesCustomerProfileService"
FINDER_TEXT_CUT = 700
"""The reference's finder texts end here, in the middle of a word."""

_PATH = re.compile(r"/(?P<root>\w+)/resources/(?P<version>[\w.]+)/(?P<resource>\w+)(?P<below>/.*)?")
_CLAUSE = re.compile(
    r"(\w+) (?:(?:>=|<=|!=|>|<|=) (?:'\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3,6}\+00:00'|-?\d+)|(?:=|LIKE) '[^']*')"
)
_JSON = ("application/json", "application/vnd.oracle.adf.resourceitem+json")


class Pod:
    """The emulator, as the tests look at it."""

    def __init__(self, sandbox: SandboxThread) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.emulator = cast(OracleFusionEmulator, sandbox.emulators[SYSTEM])
        self.origin = sandbox.url(SYSTEM)

    def anew(self) -> None:
        """Empty it for the next test; what the one before has asked must have kept to the reference."""
        assert self.violations() == []
        self.sandbox.reset()

    def fault(self, fault: str, method: str = "*", path: str = "*", **rule: Any) -> None:
        self.world.faults.ask(SYSTEM, fault, method=method, path=path, **rule)

    def held(self, collection: str) -> list[Body]:
        return self.emulator.state(collection)

    def calls(self) -> int:
        return sum(self.world.request_counts.values())

    @asynccontextmanager
    async def client(self, auth: Auth | None = None, **settings: Any) -> AsyncIterator[OracleFusion]:
        """A signed-in client that waits for nothing and gives up soon."""
        http = HttpClient(
            vendor=SYSTEM,
            origin=self.origin,
            auth=auth or Basic("ML_CONNECTOR", Secret("sandbox-password"), "acme/oracle", "password"),
            hosts=HostPolicy(HOSTS, allow_private=True),
            explain=explain,
            request_id_headers=REQUEST_ID_HEADERS,
            policy=HttpPolicy(backoff=0.01, deadline=10, tries=4),
        )
        try:
            yield OracleFusion(http, OracleSettings(origin=self.origin, **settings))
        finally:
            await http.aclose()

    def violations(self) -> list[str]:
        """What is wrong, by Oracle's reference, with the requests that the pod has seen."""
        seen = [one for one in self.world.requests if one.system == SYSTEM and "/oauth2/" not in one.path]
        return [
            f"{one.method} {one.path}?{one.query}: {problem}"
            for one in seen
            for problem in check_request(one.method, one.path, dict(parse_qsl(one.query)), one.headers, one.body)
        ]


@contextmanager
def closed(fusion: Pod, value_set: str, value: str) -> Iterator[None]:
    """Meanwhile nobody may use a value of a value set."""
    (held,) = [one for one in fusion.emulator.pod.tables["valueSets"].rows.values() if one["ValueSetCode"] == value_set]
    (row,) = [one for one in held["values"] if one["Value"] == value]
    row["EnabledFlag"] = "N"
    yield
    row["EnabledFlag"] = "Y"


@contextmanager
def pod() -> Iterator[Pod]:
    """An empty pod; at the end all requests that it has seen must have kept to the reference."""
    with SandboxThread((OracleFusionEmulator,)) as sandbox:
        opened = Pod(sandbox)
        yield opened
        assert opened.violations() == []


@pytest.fixture(scope="module")
def running() -> Iterator[Pod]:
    """One pod for the tests of a module."""
    with pod() as opened:
        yield opened


@lru_cache
def collections() -> dict[str, dict[str, Any]]:
    """The reference's "Get all" by resource; empty where the contracts are not at hand."""
    if not CONTRACT.is_file():
        return {}
    contract = json.loads(CONTRACT.read_text())
    return {
        name: next(one for one in contract[family] if one["method"] == "GET" and one["path"] == f"/{name}")
        for name, (_, family) in FAMILIES.items()
    }


@lru_cache
def operations() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Method, path below ``/resources/{version}``, and the reference of each operation on the resources in use."""
    contract = json.loads(CONTRACT.read_text())
    return [
        (one["method"], re.compile(re.sub(r"\{\w+\}", "[^/]+", one["path"])), one)
        for _, family in FAMILIES.values()
        for one in contract[family]
    ]


def check_request(
    method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes = b""
) -> Iterator[str]:
    """What Oracle's reference has against a request."""
    if not collections():
        return
    if path.endswith(PROFILE_SERVICE):
        if method != "POST" or not headers.get("content-type", "").startswith("text/xml"):
            yield "not a SOAP call"
        return
    if path.removeprefix(f"/{SYSTEM}").startswith(SCHEDULER):
        unknown = query.keys() - {"excludeFields", "fields", "id", "orderBy", "q"}
        if method != "GET" or unknown:
            yield f"not as the scheduler's reference says: {unknown}"
        return
    where = _PATH.fullmatch(path.removeprefix(f"/{SYSTEM}"))
    reference = _reference(method, where["resource"], where["below"] or "") if where else None
    if where is None or reference is None:
        yield "not in the reference"
        return
    if FAMILIES.get(where["resource"], ("fscmRestApi",))[0] != where["root"]:
        yield f"not under {where['root']}"
    if headers.get("rest-framework-version") not in set("23456789"):
        yield "the framework version is left to the pod"
    if unknown := query.keys() - set(reference.get("parameters") or []):
        yield f"no parameters {unknown}"
    yield from _check_attributes(query, reference)
    if method != "GET":
        yield from _check_body(headers.get("content-type"), body, reference)


def _reference(method: str, resource: str, below: str) -> dict[str, Any] | None:
    """The operation; a resource's description is one that the reference does not list."""
    if resource in LISTS_OF_VALUES and below in ("", "/describe"):
        known = dict.fromkeys(LISTS_OF_VALUES[resource])
        parameters = ["q", "orderBy", "finder", "limit", "offset", "onlyData", "fields"]
        return {
            "parameters": parameters,
            "queryable": known,
            "response": known,
            "finders": "PrimaryKey " + " ".join(known),
        }
    if below == "/describe":
        return {} if method == "GET" and resource in collections() else None
    matching = (one for verb, path, one in operations() if verb == method and path.fullmatch(f"/{resource}{below}"))
    return next(matching, None)


def _check_body(content_type: str | None, body: bytes, reference: dict[str, Any]) -> Iterator[str]:
    if "/enclosure/" in reference["path"]:
        if content_type != "application/octet-stream":
            yield f"a large attribute as {content_type}"
        return
    if content_type not in _JSON:
        yield f"a row as {content_type}"
    custom = reference["path"].count("/") == 2
    unknown = {name for name in json.loads(body) if name not in reference["response"]}
    if unknown := {name for name in unknown if not (custom and name.endswith("_c"))}:
        yield f"no attributes {unknown}"


def _check_attributes(query: dict[str, str], reference: dict[str, Any]) -> Iterator[str]:
    clauses = re.split(" and | or ", query["q"]) if "q" in query else []
    for clause in clauses:
        known = _CLAUSE.fullmatch(clause.strip("()"))
        if known is None:
            yield f"a condition of another form: {clause}"
        elif known[1] not in reference["queryable"]:
            yield f"{known[1]} is not queryable"
    for part in filter(None, query.get("orderBy", "").split(",")):
        name, _, direction = part.partition(":")
        if name not in reference["queryable"] or direction != "asc":
            yield f"cannot be ordered by {part}"
    unknown = set(filter(None, query.get("fields", "").split(","))) - reference.get("response", {}).keys()
    if unknown := {name for name in unknown if not name.endswith("_c")}:
        yield f"no fields {unknown}"
    for path in filter(None, query.get("expand", "").split(",")):
        if not _has_collection(path, reference):
            yield f"no collection {path}"
    for word in re.findall(r"\w+(?=[;=])", query.get("finder", "")):
        if word not in reference["finders"] and len(reference["finders"]) < FINDER_TEXT_CUT:
            yield f"no finder or variable {word}"


def _has_collection(path: str, reference: dict[str, Any]) -> bool:
    """Whether the reference has a "Get all" below this one at a path of ``expand``."""
    wanted = re.compile(re.escape(reference["path"]) + "".join(rf"/\{{\w+\}}/child/{name}" for name in path.split(".")))
    return any(method == "GET" and wanted.fullmatch(one["path"]) for method, _, one in operations())
