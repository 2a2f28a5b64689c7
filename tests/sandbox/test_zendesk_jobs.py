"""Jobs of the Zendesk emulator: what they report, and what becomes of them."""

from __future__ import annotations

import time

import pytest

from tests.sandbox.zendesk import Account, Json


def many(count: int) -> Json:
    return {"organizations": [{"name": f"O{n}", "external_id": f"C-{n}"} for n in range(count)]}


def test_a_job_writes_when_it_runs_and_reports_by_index(account: Account) -> None:
    account.control("settings", job_delay=3.0)
    submitted = account.api("POST", "organizations/create_many", many(100))
    assert submitted["job_status"]["status"] == "queued"
    assert account.state("organizations") == []
    job = account.finished(submitted)
    by_index = {result["index"]: result["id"] for result in job["results"]}
    assert {row["external_id"]: row["id"] for row in account.state("organizations")} == {
        f"C-{index}": row_id for index, row_id in by_index.items()
    }
    assert list(by_index.values()) != sorted(by_index.values())
    too_many = account.api("POST", "organizations/create_many", many(101), wrong=True, status=400)
    assert (too_many["error"], too_many["max_count"]) == ("TooManyValues", 100)


def test_a_completed_job_can_hold_failed_items(account: Account) -> None:
    account.organization(name="O1")
    results = account.finished(account.api("POST", "organizations/create_many", many(3)))["results"]
    assert [result.get("success", True) for result in results] == [True, False, True]
    assert results[1] == {
        "index": 1,
        "id": 1,
        "action": "create",
        "status": "Failed",
        "success": False,
        "error": "OrganizationCreateError",
        "details": "Name: O1 has already been taken",
    }
    account.control("faults", fault="partial_job", n=2)
    ids = [row["id"] for row in account.state("organizations")]
    body = {"organizations": [{"id": row_id, "notes": "x"} for row_id in [*ids, 999]]}
    results = account.finished(account.api("PUT", "organizations/update_many", body))["results"]
    assert [result["success"] for result in results] == [True, False, True, False]
    assert [row["notes"] for row in account.state("organizations")] == ["x", None, "x"]


@pytest.mark.parametrize(("named", "by"), [("place", {"id": 1}), ("nothing", {})])
def test_a_failed_item_may_be_named_by_its_place_or_not_at_all(account: Account, named: str, by: Json) -> None:
    account.control("settings", result_index=False, failure_names=named)
    account.organization(name="O1")
    results = account.finished(account.api("POST", "organizations/create_many", many(3)))["results"]
    made = {row["external_id"]: row["id"] for row in account.state("organizations")}
    assert [results[0], results[2]] == [{"id": made[f"C-{n}"], "status": "Created"} for n in (0, 2)]
    assert {name: results[1][name] for name in results[1] if name in ("id", "index")} == by
    assert (results[1]["status"], results[1]["success"]) == ("Failed", False)


def test_bulk_updates_name_their_objects_in_the_query_or_in_the_body(account: Account) -> None:
    account.finished(account.api("POST", "organizations/create_many", many(3)))
    sent = {"organization": {"notes": "both"}}
    account.finished(account.api("PUT", "organizations/update_many", sent, external_ids="C-0,c-2"))
    assert [row["notes"] for row in sorted(account.state("organizations"), key=lambda row: row["name"])] == [
        "both",
        None,
        "both",
    ]
    unknown = account.api("PUT", "organizations/update_many", {"organizations": [{"id": 5, "notes": "x"}]})
    assert account.finished(unknown)["results"][0]["error"] == "RecordNotFound"


def test_jobs_are_limited_lost_and_forgotten(account: Account) -> None:
    account.control("settings", job_delay=3.0, jobs_kept=35)  # long enough to submit thirty meanwhile
    submitted = [
        account.api("POST", "organizations/create_many", {"organizations": [{"name": f"J{n}"}]}) for n in range(30)
    ]
    assert account.api("POST", "organizations/create_many", many(1), status=429)["error"] == "TooManyJobs"
    account.finished(submitted[-1])
    account.control("settings", job_delay=0.05)
    account.control("faults", fault="job_lost", times=1)
    lost = account.api("POST", "organizations/create_many", many(1))["job_status"]["id"]
    account.api("GET", f"job_statuses/{lost}", status=404)
    for n in range(8):
        account.finished(account.api("POST", "organizations/create_many", {"organizations": [{"name": f"K{n}"}]}))
    shown = account.api("GET", "job_statuses/show_many", ids=",".join(job["job_status"]["id"] for job in submitted))
    assert len(shown["job_statuses"]) == 27
    assert "C-0" in account.effects("organization.created")


def test_a_failed_job_may_have_done_a_part(account: Account) -> None:
    account.control("faults", fault="job_failed", after=2, times=1)
    job = account.finished(account.api("POST", "organizations/create_many", many(5)))
    assert (job["status"], job["progress"], len(account.state("organizations"))) == ("failed", 2, 2)


def test_users_in_bulk_are_matched_and_named_by_address_unless_forbidden(account: Account) -> None:
    ann = account.user(name="Ann", email="ann@a.example")
    users = [
        {"name": "Ann B", "email": "ann@a.example"},
        {"name": "Bob", "email": "not an address"},
        {"name": "Cid", "email": "cid@a.example", "skip_verify_email": True},
    ]
    results = account.finished(account.api("POST", "users/create_or_update_many", {"users": users}))["results"]
    assert [result["status"] for result in results] == ["Updated", "Failed", "Created"]
    assert (results[0]["id"], results[1]["id"], results[1]["error"]) == (ann["id"], 1, "UserUpdateError")
    assert all("index" not in result for result in results)
    account.control("settings", bulk_user_import=False)
    refused = account.api("POST", "users/create_or_update_many", {"users": users}, status=403)
    assert refused["error"]["title"] == "Forbidden"


def test_a_reset_takes_queued_jobs_with_it(account: Account) -> None:
    account.control("settings", job_delay=0.1)
    account.api("POST", "organizations/create_many", many(1))
    account.control("reset")
    time.sleep(0.15)
    assert account.state("organizations") == []
    assert account.effects("organization.created") == []
