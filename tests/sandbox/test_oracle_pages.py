"""Pages of a pod, and how it deceives those who trust them."""

from __future__ import annotations

from collections import Counter

import httpx

from ml_connector.sandbox.serve import SandboxThread
from tests.sandbox.fusion import ALWAYS, BY_TIME, ORGANIZATIONS, fault, get, newest, seed


def read_by_offset(client: httpx.Client, until: str) -> list[str]:
    """What a trusting client reads of the window that ends with ``until``."""
    found: list[str] = []
    while True:
        window = f"{ALWAYS} and LastUpdateDate <= '{until}'"
        page = get(client, ORGANIZATIONS, q=window, orderBy=BY_TIME, limit=40, offset=len(found))
        found += [row["PartyNumber"] for row in page["items"]]
        if not page["hasMore"]:
            return found


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
