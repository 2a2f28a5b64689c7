"""Users of the Zendesk emulator: their addresses, their mail, their organizations."""

from __future__ import annotations

from tests.sandbox.zendesk import Account, names


def test_a_new_address_of_a_user_is_a_second_one_until_it_is_made_primary(account: Account) -> None:
    user = account.user(name="Ann", email="old@a.example", external_id="U-1")
    sent = {"user": {"email": "new@a.example", "skip_verify_email": True}}
    assert account.api("PUT", f"users/{user['id']}", sent)["user"]["email"] == "old@a.example"
    old, new = account.api("GET", f"users/{user['id']}/identities")["identities"]
    assert (old["primary"], new["primary"], new["value"]) == (True, False, "new@a.example")
    account.api("PUT", f"users/{user['id']}/identities/{new['id']}/make_primary", {})
    assert account.api("GET", f"users/{user['id']}")["user"]["email"] == "new@a.example"
    other = {"user": {"name": "Bob", "email": "OLD@a.example"}}
    assert account.api("POST", "users", other, status=422)["details"]["email"] == [
        {"description": "Email: OLD@a.example is already being used by another user", "error": "DuplicateValue"}
    ]
    account.api("DELETE", f"users/{user['id']}/identities/{old['id']}", status=204)
    account.api("POST", "users", other, status=201)


def test_zendesk_writes_to_contacts_unless_it_is_told_not_to(account: Account) -> None:
    account.user(name="Ann", email="ann@a.example")
    account.user(name="Bob", email="bob@a.example", skip_verify_email=False, verified=True)
    assert account.effects("mail_sent") == []
    account.user(name="Cid", email="cid@a.example", external_id="U-3", skip_verify_email=False)
    assert account.effects("mail_sent") == ["U-3"]


def test_phone_numbers_are_checked_where_the_account_wants_it(account: Account) -> None:
    assert account.user(name="A", phone="030 1234")["phone"] == "030 1234"
    account.control("settings", validates_phones=True)
    refused = account.api("POST", "users", {"user": {"name": "B", "phone": "030 1234"}}, status=422, wrong=True)
    told = {"description": "Phone 030 1234 is not properly formatted", "error": "InvalidFormat"}
    assert refused["details"] == {"phone": told}
    assert account.user(name="B", phone="+4930123456")["phone"] == "+4930123456"


def test_writing_organization_id_takes_a_user_out_of_all_other_organizations(account: Account) -> None:
    first, second, third = (account.organization(name=name)["id"] for name in "ABC")
    user = account.user(name="Ann", email="ann@a.example", organization_id=first)["id"]
    membership = {"organization_membership": {"user_id": user, "organization_id": second, "default": True}}
    account.api("POST", "organization_memberships", membership, status=201)
    again = account.api("POST", "organization_memberships", membership, status=422)
    assert again["details"]["user_id"][0]["error"] == "DuplicateValue"
    assert account.api("GET", f"users/{user}")["user"]["organization_id"] == second
    listed = account.api("GET", f"users/{user}/organization_memberships", wrong=True)["organization_memberships"]
    assert [one["organization_id"] for one in listed] == [second, first]
    account.api("PUT", f"users/{user}", {"user": {"organization_id": third}})
    assert [row["organization_id"] for row in account.state("memberships")] == [third]
    account.api("DELETE", f"organizations/{third}", status=204)
    assert account.api("GET", f"users/{user}")["user"]["organization_id"] is None
    missing = {"user": {"name": "Bob", "email": "bob@a.example", "organization_id": third}}
    account.api("POST", "users", missing, status=404)


def test_a_user_is_matched_by_external_id_or_any_address(account: Account) -> None:
    ann = account.user(name="Ann", email="ann@a.example", external_id="u-1")
    account.control("settings", rate_scale=None)
    by_key = {"user": {"name": "Ann B", "external_id": "U-1", "email": "ann@a.example"}}
    updated = account.api("POST", "users/create_or_update", by_key)["user"]
    assert (updated["id"], updated["external_id"]) == (ann["id"], "U-1")
    new = {"user": {"name": "Bob", "email": "bob@a.example", "skip_verify_email": True}}
    account.api("POST", "users/create_or_update", new, status=201)
    conflict = {"user": {"name": "Ann", "external_id": "U-1", "email": "bob@a.example"}}
    account.api("POST", "users/create_or_update", conflict, status=422)
    for query in ("email:bob@a.example", "bob@a.example", "Bob"):
        assert names(account.api("GET", "users/search", query=query)["users"]) == ["Bob"]
    assert names(account.api("GET", "users/show_many", external_ids="u-1,none")["users"]) == ["Ann B"]
