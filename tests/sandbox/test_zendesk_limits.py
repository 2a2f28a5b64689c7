"""Limits of the Zendesk emulator, of endpoints and of the account."""

from __future__ import annotations

from tests.sandbox.zendesk import Account


def test_limits_of_endpoints_are_enforced_and_counted(account: Account) -> None:
    made = account.organization(name="A")
    statuses = [
        account.call("PUT", f"/api/v2/organizations/{made['id']}", {"organization": {"notes": str(n)}}).status_code
        for n in range(6)
    ]
    assert statuses == [200] * 5 + [429]
    first = {"user": {"name": "Ann", "email": "ann@a.example", "skip_verify_email": True}}
    account.api("POST", "users/create_or_update", first, status=201)
    refused = account.call("POST", "/api/v2/users/create_or_update", first)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert [row["limit"] for row in account.state("rate_violations")] == [
        "organization_update",
        "user_writes_per_second",
    ]
    account.control("settings", rate_scale=None)
    account.api("POST", "users/create_or_update", first)


def test_the_limit_of_the_account_is_plain_text_with_a_retry_after(account: Account) -> None:
    account.control("settings", requests_per_minute=3)
    answers = [account.call("GET", "/api/v2/users/me") for _ in range(4)]
    assert [answer.headers["X-Rate-Limit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[-1].status_code == 429
    assert answers[-1].text == "Number of allowed API requests per minute exceeded"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
