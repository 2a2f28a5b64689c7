"""The Oracle emulator against Oracle's published reference: no field, flag or parameter of its own invention."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.oracle_fusion.sandbox.catalogue import RESOURCES
from connectors.oracle_fusion.sandbox.children import CHILDREN, LARGE
from connectors.oracle_fusion.sandbox.customers import Customers
from connectors.oracle_fusion.sandbox.emulator import OracleFusionEmulator
from connectors.oracle_fusion.sandbox.pod import Pod
from connectors.oracle_fusion.sandbox.resources import Attribute, Resource, Type
from connectors.oracle_fusion.sandbox.rest import COLLECTION_PARAMETERS, ITEM_PARAMETERS
from connectors.oracle_fusion.sandbox.value_sets import ACCOUNTS
from ml_connector.sandbox.serve import SandboxThread
from ml_connector.sandbox.world import World

FAMILIES = {
    "hubOrganizations": "Hub_Organizations",
    "hubPersons": "Hub_Persons",
    "receivablesCustomerAccountActivities": "Receivables_Customer_Account_Activities",
    "suppliers": "Suppliers",
    "purchaseOrders": "Purchase_Orders",
    "invoices": "Invoices",
    "invoiceHolds": "Invoice_Holds",
    "journalBatches": "Journal_Batches",
    "receivablesInvoices": "Receivables_Invoices",
}
DOCUMENTS = ("purchase_orders", "invoices", "holds", "journal_batches", "receivables_invoices")
CUT_TEXT = 700
"""The reference's finder texts end here, in the middle of a word."""

Operation = dict[str, Any]


@pytest.fixture(scope="module")
def operations(specs: Path) -> dict[str, list[Operation]]:
    contract = json.loads((specs / "oracle" / "fusion_contract.json").read_text())
    return {name: contract[family] for name, family in FAMILIES.items()}


@pytest.fixture(scope="module")
def fusion() -> Iterator[httpx.Client]:
    with SandboxThread() as sandbox:
        sandbox.emulators["oracle_fusion"].seed("customers", 120, 3)
        sandbox.emulators["oracle_fusion"].seed("contacts", 40, 3)
        sandbox.emulators["oracle_fusion"].configure({"expand_levels": 3})
        for documents in DOCUMENTS:
            sandbox.emulators["oracle_fusion"].seed(documents, 30, 3)
        headers = {"rest-framework-version": "4"}
        auth = httpx.BasicAuth("ML_CONNECTOR", "sandbox-password")
        with httpx.Client(base_url=sandbox.url("oracle_fusion"), headers=headers, auth=auth) as client:
            yield client


def get_all(operations: list[Operation], resource: str, *below: str) -> Operation:
    """The reference's "Get all" of a resource or of a collection below it."""
    wanted = f"/{resource}" + "".join(rf"/\{{\w+\}}/child/{name}" for name in below)
    found = [one for one in operations if one["method"] == "GET" and re.fullmatch(wanted, one["path"])]
    assert len(found) == 1
    return found[0]


def collections_below(resource: Resource, *above: str) -> Iterator[tuple[tuple[str, ...], Resource]]:
    """All collections below a resource, with their paths."""
    for name, child in resource.children.items():
        yield (*above, name), child
        yield from collections_below(child, *above, name)


def path(resource: Resource) -> str:
    return f"/{resource.api}/resources/11.13.18.05/{resource.name}"


def check_attributes(attributes: dict[str, Attribute], reference: Operation) -> None:
    assert attributes.keys() <= reference["response"].keys()
    for attribute in attributes.values():
        assert attribute.queryable == (attribute.name in reference["queryable"]), attribute.name
        if attribute.queryable:
            text = (Type.STRING, Type.DATE, Type.DATETIME)
            kind = "string" if attribute.type in text else attribute.type
            assert kind == reference["queryable"][attribute.name], attribute.name


@pytest.mark.parametrize("name", FAMILIES)
def test_attributes_and_their_flags(operations: dict[str, list[Operation]], name: str) -> None:
    resource = RESOURCES[name]
    check_attributes(resource.attributes, get_all(operations[name], name))
    for below, child in collections_below(resource):
        reference = get_all(operations[name], name, *below)
        check_attributes(child.attributes, reference)
        assert COLLECTION_PARAMETERS | child.parameters <= set(reference["parameters"])


@pytest.mark.parametrize("name", FAMILIES)
def test_parameters_and_finders(operations: dict[str, list[Operation]], name: str) -> None:
    resource = RESOURCES[name]
    reference = get_all(operations[name], name)
    assert COLLECTION_PARAMETERS | resource.parameters == set(reference["parameters"])
    of_item = next(one for one in operations[name] if one["method"] == "GET" and one["path"].count("/") == 2)
    assert set(of_item["parameters"]) == ITEM_PARAMETERS
    if resource.key:
        assert of_item["path"].endswith(f"/{{{resource.key}}}")
    finders = reference["finders"]
    for finder, variables in resource.finders.items():
        for word in (finder, *variables):
            assert word in finders or len(finders) >= CUT_TEXT, word


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_hold_only_fields_of_the_reference(
    operations: dict[str, list[Operation]], fusion: httpx.Client, name: str
) -> None:
    resource = RESOURCES[name]
    expand = ",".join(".".join(below) for below, _ in collections_below(resource))
    page = fusion.get(path(resource), params={"limit": 30, "expand": expand}).json()
    assert page["count"] > 0
    check_rows(page["items"], resource, operations[name], name)


def check_rows(rows: list[dict[str, Any]], resource: Resource, operations: list[Operation], *where: str) -> None:
    allowed = get_all(operations, *where)["response"].keys()
    for row in rows:
        assert row.keys() <= allowed
        for name, child in resource.children.items():
            check_rows(row[name]["items"], child, operations, *where, name)


def test_value_sets_have_attributes_and_finders_of_the_reference(specs: Path, fusion: httpx.Client) -> None:
    """Of these collections the reference shows single rows only, and does not say what can be queried."""
    reference = json.loads((specs / "oracle" / "fusion_contract.json").read_text())["Value_Sets"]
    rows = {one["path"]: one["response"] for one in reference if one["method"] == "GET" and one["response"]}
    of_set = rows["/valueSets/{valueSets_Id}"].keys()
    of_value = rows["/valueSets/{valueSets_Id}/child/values/{valueSets_values_Id}"].keys()
    resource = RESOURCES["valueSets"]
    assert resource.attributes.keys() <= of_set
    assert resource.children["values"].attributes.keys() <= of_value
    assert all(finder in reference[1]["finders"] for finder in resource.finders)
    asked = {"finder": f"ValueSetCodeFinder;ValueSetCode={ACCOUNTS}", "links": "self"}
    (found,) = fusion.get(path(resource), params=asked).json()["items"]
    page = fusion.get(f"{path(resource)}/{found['ValueSetId']}/child/values", params={"onlyData": "true"}).json()
    assert found.keys() <= of_set
    assert page["items"][0].keys() <= of_value


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_not_queryable_is_refused(
    operations: dict[str, list[Operation]], fusion: httpx.Client, name: str
) -> None:
    resource = RESOURCES[name]
    reference = get_all(operations[name], name)
    refused = (resource.attributes.keys() | resource.children.keys()) - reference["queryable"].keys()
    for attribute in sorted(refused):
        for version, q in (("1", f"{attribute}=1"), ("4", f"{attribute} = 1")):
            answer = fusion.get(path(resource), params={"q": q}, headers={"rest-framework-version": version})
            assert answer.status_code == 400, attribute
            assert "29140" in answer.text
    for attribute in sorted(resource.attributes.keys() & reference["queryable"].keys()):
        assert fusion.get(path(resource), params={"q": f"{attribute} is null"}).status_code == 200, attribute


@pytest.mark.parametrize("name", CHILDREN)
def test_rows_below_a_customer_have_the_attributes_flags_and_finders_of_the_reference(
    operations: dict[str, list[Operation]], name: str
) -> None:
    reference = get_all(operations["hubOrganizations"], "hubOrganizations", name)
    check_attributes(CHILDREN[name].attributes, reference)
    assert COLLECTION_PARAMETERS | CHILDREN[name].parameters == set(reference["parameters"])
    assert all(
        word in reference["finders"] for finder in CHILDREN[name].finders.items() for word in (finder[0], *finder[1])
    )


def test_every_write_of_the_emulator_is_in_the_reference(operations: dict[str, list[Operation]]) -> None:
    known = {(one["method"], re.sub(r"{\w+}", "{}", one["path"])) for one in operations["hubOrganizations"]}
    world = World()
    for method, below, _, _ in Customers(world, Pod(world), OracleFusionEmulator.system).endpoints():
        assert (method, re.sub(r"{\w+}", "{}", f"/hubOrganizations/{{key}}{below}")) in known


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("Note", {"NoteTypeCode": "GENERAL", "NoteTxt": "eA=="}),
        ("Attachment", {"DatatypeCode": "FILE", "FileName": "a"}),
    ],
)
def test_answers_about_rows_below_a_customer_hold_only_fields_of_the_reference(
    operations: dict[str, list[Operation]], fusion: httpx.Client, name: str, row: dict[str, str]
) -> None:
    reference = get_all(operations["hubOrganizations"], "hubOrganizations", name)
    customer = fusion.get(path(RESOURCES["hubOrganizations"]), params={"limit": 1}).json()["items"][0]["PartyNumber"]
    rows = f"{path(RESOURCES['hubOrganizations'])}/{customer}/child/{name}"
    created = fusion.post(rows, json=row).json()
    item = next(link["href"] for link in created["links"] if link["rel"] == "self")
    listed = fusion.get(rows).json()["items"][0]
    changed = fusion.patch(item, json=row).json()
    for answer in (created, listed, changed, fusion.get(item).json()):
        assert answer.keys() <= reference["response"].keys()
        assert answer[LARGE[name]] == created[LARGE[name]]
    assert created[CHILDREN[name].id] == listed[CHILDREN[name].id]
    refused = CHILDREN[name].attributes.keys() - reference["queryable"].keys()
    for attribute in CHILDREN[name].attributes:
        answer = fusion.get(rows, params={"q": f"{attribute} is null"})
        assert answer.status_code == (400 if attribute in refused else 200), attribute
    assert fusion.delete(item).status_code == 204
