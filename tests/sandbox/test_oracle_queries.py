"""The two query languages of a pod, what it refuses, and how a single row is found."""

from __future__ import annotations

import httpx
import pytest

from ml_connector.sandbox.serve import SandboxThread
from tests.sandbox.fusion import ORGANIZATIONS, get, seed


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
