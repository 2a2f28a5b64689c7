"""The shape of a pod's answers: links, opaque addresses, lines, exact amounts, clock and versions."""

from __future__ import annotations

import httpx

from ml_connector.sandbox.serve import SandboxThread
from tests.sandbox.fusion import ORGANIZATIONS, get, seed

ACCOUNTS = "/fscmRestApi/resources/11.13.18.05/receivablesCustomerAccountActivities"
ORDERS = "/fscmRestApi/resources/11.13.18.05/purchaseOrders"


def test_links_and_the_shapes_of_framework_9(vendors: SandboxThread, fusion: httpx.Client) -> None:
    row = seed(vendors, 1)[0]
    self_, canonical = get(fusion, ORGANIZATIONS)["items"][0]["links"]
    assert (self_["rel"], canonical["rel"]) == ("self", "canonical")
    assert "changeIndicator" in self_["properties"]
    assert fusion.get(self_["href"]).json()["PartyId"] == row["PartyId"]
    assert "links" not in get(fusion, ORGANIZATIONS, onlyData="true")["items"][0]
    only_self = get(fusion, ORGANIZATIONS, links="self", fields="PartyId,PartyNumber")["items"][0]
    assert only_self.keys() == {"PartyId", "PartyNumber", "links"}
    assert [link["rel"] for link in only_self["links"]] == ["self"]

    newest_form = get(fusion, ORGANIZATIONS, version=9)["items"][0]
    assert newest_form["PartyId"] == str(row["PartyId"])
    assert newest_form["@context"]["headers"]["ETag"].startswith('"ACED')
    assert "links" not in newest_form


def test_purchase_orders_have_opaque_addresses_and_lines(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 60)
    order = get(fusion, ORDERS, expand="lines", limit=1)["items"][0]
    assert fusion.get(f"{ORDERS}/{order['POHeaderId']}").status_code == 404
    assert get(fusion, order["links"][0]["href"])["OrderNumber"] == order["OrderNumber"]
    assert order["lines"]["count"] == len(order["lines"]["items"]) > 0
    assert "lines" not in get(fusion, ORDERS, limit=1)["items"][0]
    assert isinstance(get(fusion, ORDERS, version=1, expand="lines", limit=1)["items"][0]["lines"], list)
    chosen = get(fusion, ORDERS, fields="OrderNumber;lines:LineNumber", onlyData="true", limit=1)["items"][0]
    assert chosen.keys() == {"OrderNumber", "lines"}
    assert chosen["lines"]["items"][0].keys() == {"LineNumber"}


def test_the_source_tells_its_clock_and_its_versions(fusion: httpx.Client) -> None:
    answer = fusion.get("/fscmRestApi/resources/")
    assert answer.headers["date"].endswith("GMT")
    assert answer.json()["items"][0]["adf:extension"]["defaultFrameworkVersion"] == "1"
    described = get(fusion, f"{ORGANIZATIONS}/describe")["Resources"]["hubOrganizations"]["attributes"]
    queryable = {one["name"]: one["queryable"] for one in described}
    assert queryable["LastUpdateDate"]
    assert not queryable["FormattedAddress"]


def test_amounts_keep_their_digits(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 20)
    account = vendors.emulators["oracle_fusion"].state("accounts")[0]
    vendors.emulators["oracle_fusion"].mutate(
        "accounts", {"keys": [account["AccountId"]], "set": {"TotalOpenReceivablesForAccount": "1234567890123.10"}}
    )
    answer = fusion.get(ACCOUNTS, params={"q": f"AccountId = {account['AccountId']}"})
    assert b'"TotalOpenReceivablesForAccount":1234567890123.10' in answer.content
