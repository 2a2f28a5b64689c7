"""The Oracle Fusion emulator over HTTP: strict where a pod is, and treacherous where a pod is."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from lxml import etree

from ml_connector.sandbox.serve import SandboxThread

ORGANIZATIONS = "/crmRestApi/resources/11.13.18.05/hubOrganizations"
PERSONS = "/crmRestApi/resources/latest/hubPersons"
ACCOUNTS = "/fscmRestApi/resources/11.13.18.05/receivablesCustomerAccountActivities"
ORDERS = "/fscmRestApi/resources/11.13.18.05/purchaseOrders"
BY_TIME = "LastUpdateDate:asc,PartyId:asc"
ALWAYS = "LastUpdateDate >= '2020-01-01T00:00:00.000+00:00'"
CLIENT = ("ml-connector", "sandbox-client-secret")
SCOPE = "urn:opc:resource:consumer::all"


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


def read_by_offset(client: httpx.Client, until: str) -> list[str]:
    """What a trusting client reads of the window that ends with ``until``."""
    found: list[str] = []
    while True:
        window = f"{ALWAYS} and LastUpdateDate <= '{until}'"
        page = get(client, ORGANIZATIONS, q=window, orderBy=BY_TIME, limit=40, offset=len(found))
        found += [row["PartyNumber"] for row in page["items"]]
        if not page["hasMore"]:
            return found


def newest(rows: list[dict[str, Any]]) -> str:
    return str(max(row["LastUpdateDate"] for row in rows))[:-6] + "999+00:00"


# ---- signing in


def test_only_a_live_credential_opens_the_resources(vendors: SandboxThread, fusion: httpx.Client) -> None:
    assert fusion.get(ORGANIZATIONS).status_code == 200
    vendors.emulators["oracle_fusion"].expire_tokens()
    refused = fusion.get(ORGANIZATIONS)
    assert (refused.status_code, refused.content) == (401, b"")
    basic = httpx.BasicAuth("ML_CONNECTOR", "sandbox-password")
    assert fusion.get(ORGANIZATIONS, auth=basic).status_code == 200
    assert fusion.get(ORGANIZATIONS, auth=httpx.BasicAuth("ML_CONNECTOR", "wrong")).status_code == 401


def test_a_token_ends_when_it_said_it_would(vendors: SandboxThread, fusion: httpx.Client) -> None:
    vendors.emulators["oracle_fusion"].configure({"access_token_seconds": 0})
    grant = {"grant_type": "client_credentials", "scope": SCOPE}
    answer = fusion.post("/oauth2/v1/token", auth=CLIENT, data=grant).json()
    assert answer["expires_in"] == 0
    assert fusion.get(ORGANIZATIONS, headers={"authorization": f"Bearer {answer['access_token']}"}).status_code == 401


@pytest.mark.parametrize(
    ("secret", "form", "status", "error"),
    [
        ("wrong", {"grant_type": "client_credentials", "scope": SCOPE}, 401, "invalid_client"),
        (CLIENT[1], {"grant_type": "client_credentials", "scope": "everything"}, 400, "invalid_scope"),
        (CLIENT[1], {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (CLIENT[1], {"grant_type": "refresh_token", "refresh_token": "made up"}, 400, "invalid_grant"),
    ],
)
def test_refused_grants(fusion: httpx.Client, secret: str, form: dict[str, str], status: int, error: str) -> None:
    answer = fusion.post("/oauth2/v1/token", auth=(CLIENT[0], secret), data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_code_flow_with_pkce_and_rotating_refresh_tokens(fusion: httpx.Client) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    redirect_uri = "http://127.0.0.1:9/callback"
    asked = {"response_type": "code", "client_id": CLIENT[0], "redirect_uri": redirect_uri, "state": "s1"}
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256", "scope": f"{SCOPE} offline_access"}

    def code() -> str:
        location = fusion.get("/oauth2/v1/authorize", params=asked | pkce).headers["location"]
        answer = parse_qs(urlsplit(location).query)
        assert answer["state"] == ["s1"]
        return answer["code"][0]

    def token(**form: str) -> httpx.Response:
        return fusion.post("/oauth2/v1/token", auth=CLIENT, data={"redirect_uri": redirect_uri, **form})

    assert token(grant_type="authorization_code", code=code(), code_verifier="other").status_code == 400
    used = code()
    first = token(grant_type="authorization_code", code=used, code_verifier=verifier).json()
    assert token(grant_type="authorization_code", code=used, code_verifier=verifier).status_code == 400
    second = token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second.status_code == 200
    assert token(grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 400
    assert token(grant_type="refresh_token", refresh_token=second.json()["refresh_token"]).status_code == 200


# ---- asking


def test_the_same_seed_gives_the_same_customers(vendors: SandboxThread) -> None:
    def stable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if not name.endswith("Date")} for row in rows]

    first = stable(seed(vendors, 50))
    vendors.reset()
    assert stable(seed(vendors, 50)) == first


def test_the_seeded_data_is_as_awkward_as_real_data(vendors: SandboxThread) -> None:
    rows = seed(vendors, 2000, contacts=2500)
    persons = vendors.emulators["oracle_fusion"].state("contacts")
    assert len({row["OrganizationName"] for row in rows}) == len({row["PartyNumber"] for row in rows}) == 2000
    assert len({row["PartyId"] for row in rows + persons}) == 4500
    assert any(row["PartyId"] > 2**53 for row in rows)
    assert max(Counter(row["LastUpdateDate"] for row in rows).values()) > 500, "more than a page with one date"
    emails = [person["EmailAddress"] for person in persons]
    assert 0 < emails.count(None) < 300
    assert len(set(emails)) == 2500 - emails.count(None) + 1
    accounts = Counter(row["CustomerId"] for row in vendors.emulators["oracle_fusion"].state("accounts"))
    assert len(accounts) < 2000
    assert set(accounts.values()) == {1, 2}


def test_a_window_is_read_by_pages(vendors: SandboxThread, fusion: httpx.Client) -> None:
    rows = seed(vendors, 150)
    assert sorted(read_by_offset(fusion, newest(rows))) == sorted(row["PartyNumber"] for row in rows)
    page = get(fusion, ORGANIZATIONS, q=ALWAYS, orderBy=BY_TIME, totalResults="true")
    assert {name: page[name] for name in ("count", "hasMore", "limit", "offset", "totalResults")} == {
        "count": 25,
        "hasMore": True,
        "limit": 25,
        "offset": 0,
        "totalResults": 150,
    }
    assert get(fusion, ORGANIZATIONS, limit=9999)["limit"] == 500


def test_rows_that_change_between_pages_move(vendors: SandboxThread, fusion: httpx.Client) -> None:
    """Offsets lose rows that never changed: the reason why no client may trust them."""
    rows = seed(vendors, 150)
    until = newest(rows)
    fault(vendors, fault="mutate_while_paging", rows=5)
    found = read_by_offset(fusion, until)

    now = vendors.emulators["oracle_fusion"].state("customers")
    unchanged = {row["PartyNumber"] for row in now if row["LastUpdateDate"] <= until}
    assert unchanged - set(found)
    renamed = [row["OrganizationName"] for row in now if row["LastUpdateDate"] > until]
    assert renamed
    assert all(name.endswith("(1)") for name in renamed)


def test_rows_are_finer_ordered_than_their_dates_show(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 300)
    rows = get(fusion, ORGANIZATIONS, orderBy=BY_TIME, limit=500)["items"]
    dates = [row["LastUpdateDate"] for row in rows]
    assert dates == sorted(dates)
    at, count = Counter(dates).most_common(1)[0]
    imported = [row["PartyId"] for row in rows if row["LastUpdateDate"] == at]
    assert imported != sorted(imported)
    beyond = get(fusion, ORGANIZATIONS, q=f"LastUpdateDate > '{at}'", orderBy=BY_TIME, limit=500)["items"]
    assert len([row for row in beyond if row["LastUpdateDate"] == at]) > count / 2


@pytest.mark.parametrize(
    ("version", "q", "count"),
    [
        (1, "Country=DE;City=Fresno", "both"),
        (1, "Country='DE'", "DE"),
        (1, "Country=DE and City=Fresno", "none"),  # the trap: no error, no rows
        (1, "PartyId>=0 and <=9999999999999999;Country=DE", "DE"),
        (1, "LastUpdateDate>2020-01-01T00:00:00Z;Country=DE", "DE"),
        (1, "Country is null", "null"),
        (2, "Country = 'DE' and City = 'Fresno'", "both"),
        (4, "Country = 'DE' AND (City = 'Fresno' or City = 'nowhere')", "both"),
        (4, "Country is not null and Country like 'D_' and Country not like 'DK'", "DE"),
        (4, "PartyId between 0 and 9999999999999999 and Country = 'DE'", "DE"),
        (4, "PartyNumber != 'x' and Country = 'DE' and PartyId <> 1", "DE"),
    ],
)
def test_both_query_languages(vendors: SandboxThread, fusion: httpx.Client, version: int, q: str, count: str) -> None:
    rows = seed(vendors, 300)
    german = [row for row in rows if row["Country"] == "DE"]
    expected = {
        "DE": len(german),
        "both": len([row for row in german if row["City"] == "Fresno"]),
        "null": len([row for row in rows if row["Country"] is None]),
        "none": 0,
    }
    assert all(expected[name] for name in ("DE", "both", "null"))
    page = get(fusion, ORGANIZATIONS, version=version, q=q, limit=500)
    assert page["count"] == expected[count]


@pytest.mark.parametrize(
    ("version", "parameters"),
    [
        (4, {"q": "FormattedAddress = 'x'"}),  # in the row, but not queryable
        (4, {"q": "NoSuchAttribute = 'x'"}),
        (4, {"q": "Country=DE;City=Fresno"}),  # version 1's language
        (4, {"q": "Country in ('DE','FR')"}),
        (4, {"q": "OrganizationName = 'O''Connor'"}),
        (4, {"q": "LastUpdateDate > 2024-01-01T00:00:00.000+00:00"}),
        (4, {"q": "LastUpdateDate > '2024-01-01T00:00:00'"}),
        (4, {"q": "PartyId = 'abc'"}),
        (4, {"q": "(Country = 'DE'"}),
        (4, {"q": ""}),
        (1, {"q": "NoSuchAttribute=1"}),
        (1, {"q": "Country"}),
        (4, {"orderBy": "NoSuchAttribute:asc"}),
        (4, {"fields": "NoSuchAttribute"}),
        (4, {"expand": "NoSuchChild"}),
        (4, {"finder": "NoSuchFinder;PartyId=1"}),
        (4, {"finder": "PrimaryKey;Country=DE"}),
        (4, {"limit": "-1"}),
        (4, {"totalResults": "yes"}),
        (4, {"no_such_parameter": "1"}),
    ],
)
def test_what_a_pod_refuses(fusion: httpx.Client, version: int, parameters: dict[str, str]) -> None:
    answer = fusion.get(ORGANIZATIONS, params=parameters, headers={"rest-framework-version": str(version)})
    assert answer.status_code == 400
    if version == 1:
        assert answer.headers["content-type"].startswith("text/plain")
        assert "29140" in answer.text
    else:
        error = answer.json()
        assert (error["title"], error["status"]) == ("Bad Request", "400")
        assert error["o:errorDetails"][0]["o:errorCode"] == "29140"


def test_media_types(fusion: httpx.Client) -> None:
    error_type = "application/vnd.oracle.adf.error+json"
    refused = fusion.get(ORGANIZATIONS, headers={"accept": error_type})
    assert (refused.status_code, refused.content) == (406, b"")
    both = fusion.get(ORGANIZATIONS, params={"q": "x"}, headers={"accept": f"application/json, {error_type}"})
    assert (both.status_code, both.headers["content-type"]) == (400, error_type)


def test_finders_and_lookups(vendors: SandboxThread, fusion: httpx.Client) -> None:
    rows = seed(vendors, 40)
    wanted = [rows[3], rows[17]]
    by_ids = " or ".join(f"PartyId = {row['PartyId']}" for row in wanted)
    found = get(fusion, ORGANIZATIONS, q=by_ids, orderBy="PartyId:asc")["items"]
    assert [row["PartyId"] for row in found] == sorted(row["PartyId"] for row in wanted)
    found = get(fusion, ORGANIZATIONS, finder=f"PartyNumberAltKey;PartyNumber={wanted[0]['PartyNumber']}")["items"]
    assert [row["PartyId"] for row in found] == [wanted[0]["PartyId"]]
    item = get(fusion, f"{ORGANIZATIONS}/{wanted[1]['PartyNumber']}")
    assert item["OrganizationName"] == wanted[1]["OrganizationName"]
    assert fusion.get(f"{ORGANIZATIONS}/nobody").status_code == 404
    assert fusion.get(ORGANIZATIONS.replace("crm", "fscm")).status_code == 404
    assert fusion.get(ORGANIZATIONS.replace("11.13.18.05", "11.12")).status_code == 404
    counted = {(system, route): n for (system, _, route, _), n in vendors.world.request_counts.items()}
    assert counted["oracle_fusion", "/crmRestApi/resources/{version}/hubOrganizations/{key}"] == 1


# ---- answering


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


# ---- faults


def test_a_page_may_be_cut_short_or_lie(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 60)
    fault(vendors, fault="cap_page", rows=19, times=1)
    page = get(fusion, ORGANIZATIONS, limit=20)
    assert (page["count"], page["limit"], page["hasMore"]) == (19, 20, True)
    fault(vendors, fault="lie_has_more", times=2)
    assert get(fusion, ORGANIZATIONS, limit=20)["hasMore"] is True
    assert get(fusion, ORGANIZATIONS, limit=20, offset=20)["hasMore"] is False
    fault(vendors, fault="lie_has_more", when="always", times=1)
    assert get(fusion, ORGANIZATIONS, limit=20)["hasMore"] is False
    fault(vendors, fault="empty_has_more", times=1)
    page = get(fusion, ORGANIZATIONS, limit=20)
    assert (page["items"], page["hasMore"]) == ([], True)
    fault(vendors, fault="no_data_security", times=1)
    page = get(fusion, ORGANIZATIONS, limit=20)
    assert (page["items"], page["hasMore"]) == ([], False)
    fault(vendors, fault="redirect_to_login", path="/crmRestApi/*", times=1)
    assert fusion.get(ORGANIZATIONS).status_code == 302
    assert get(fusion, ORGANIZATIONS)["count"] == 25


# ---- changes at the source


def test_changes_at_the_source(vendors: SandboxThread, fusion: httpx.Client) -> None:
    rows = seed(vendors, 30, contacts=60)
    pod = vendors.emulators["oracle_fusion"]
    before = newest(rows)

    def changed_since() -> set[str]:
        q = f"LastUpdateDate > '{before}'"
        return {row["PartyNumber"] for row in get(fusion, ORGANIZATIONS, q=q, limit=500)["items"]}

    assert changed_since() == set()
    edited = pod.mutate("customers", {"count": 7})
    assert changed_since() == set(edited)
    assert len(set(edited)) == 7
    late = next(row["PartyNumber"] for row in rows if row["PartyNumber"] not in edited)
    pod.mutate("customers", {"keys": [late], "set": {"Status": "I"}, "last_update_date": "2026-01-01T00:00:00+00:00"})
    assert changed_since() == set(edited)
    assert get(fusion, f"{ORGANIZATIONS}/{late}")["Status"] == "I"
    pod.mutate("customers", {"keys": [late], "touch": True})
    created = pod.mutate("customers", {"create": 2})
    assert changed_since() == {*edited, late, *created}
    pod.mutate("customers", {"keys": [late], "delete": True})
    assert fusion.get(f"{ORGANIZATIONS}/{late}").status_code == 404
    with pytest.raises(ValueError, match="NoSuch"):
        pod.mutate("customers", {"count": 1, "set": {"NoSuch": 1}})


def test_a_renamed_organization_leaves_its_persons_date_alone(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 5, contacts=40)
    person = get(fusion, PERSONS, limit=1)["items"][0]
    number = person["OrganizationPartyNumber"]
    vendors.emulators["oracle_fusion"].mutate("customers", {"keys": [number], "set": {"OrganizationName": "Neu"}})
    again = get(fusion, f"{PERSONS}/{person['PartyNumber']}")
    assert again["OrganizationPartyName"] == "Neu"
    assert again["LastUpdateDate"] == person["LastUpdateDate"]


def test_amounts_keep_their_digits(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 20)
    account = vendors.emulators["oracle_fusion"].state("accounts")[0]
    vendors.emulators["oracle_fusion"].mutate(
        "accounts", {"keys": [account["AccountId"]], "set": {"TotalOpenReceivablesForAccount": "1234567890123.10"}}
    )
    answer = fusion.get(ACCOUNTS, params={"q": f"AccountId = {account['AccountId']}"})
    assert b'"TotalOpenReceivablesForAccount":1234567890123.10' in answer.content


# ---- the SOAP service

SERVICE = "http://xmlns.oracle.com/apps/financials/receivables/customers/customerProfileService/"


def ask_profile(client: httpx.Client, account_number: str, before: str = "") -> tuple[int, etree._Element]:
    envelope = (
        f'{before}<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="{SERVICE}types/" '
        f'xmlns:c="{SERVICE}"><e:Body><t:getActiveCustomerProfile><t:customerProfile>'
        f"<c:AccountNumber>{account_number}</c:AccountNumber>"
        "</t:customerProfile></t:getActiveCustomerProfile></e:Body></e:Envelope>"
    )
    answer = client.post(
        "/fscmService/ReceivablesCustomerProfileService",
        content=envelope.encode(),
        headers={"content-type": "text/xml; charset=utf-8"},
    )
    return answer.status_code, etree.fromstring(answer.content)


def test_the_credit_profile_of_an_account(vendors: SandboxThread, fusion: httpx.Client) -> None:
    seed(vendors, 20)
    pod = vendors.emulators["oracle_fusion"]
    number = pod.state("accounts")[0]["AccountNumber"]
    pod.mutate("credit_profiles", {"keys": [number], "set": {"CreditLimit": "1000.50", "PaymentTerms": None}})
    status, answer = ask_profile(fusion, number)
    values = {etree.QName(element).localname: element.text for element in answer.iter(f"{{{SERVICE}}}*")}
    assert status == 200
    assert (values["AccountNumber"], values["CreditLimit"], values["PaymentTerms"]) == (number, "1000.50", None)
    assert (
        fusion.post("/fscmService/ReceivablesCustomerProfileService", headers={"authorization": ""}).status_code == 401
    )


def test_soap_refusals_are_faults(fusion: httpx.Client) -> None:
    status, answer = ask_profile(fusion, "nobody")
    assert status == 500
    assert answer.findtext(".//{*}code") == "FND:::FND_CMN_RCRD_MSNG"
    entity = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
    status, answer = ask_profile(fusion, "&secret;", entity)
    assert status == 500
    assert "Number  doesn't" in (answer.findtext(".//faultstring") or "")
