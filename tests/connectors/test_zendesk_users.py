"""Users, written over real HTTP to the sandbox and counted there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.zendesk.field_setup import ensure_user_fields
from connectors.zendesk.users import Users
from ml_connector.core import jsonx
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Body, Decision, Outcome, State
from tests.connectors.delivering import send, send_into, states, upsert
from tests.connectors.zendesk_account import Account, Permits, account, intent, jobs_over


@pytest.fixture
def zendesk() -> Iterator[Account]:
    with account() as opened:
        yield opened


@pytest.fixture
def acme(zendesk: Account) -> str:
    return str(zendesk.by_hand("organizations", name="Acme")["id"])


def contact(number: int, **more: Any) -> Body:
    return {"external_id": f"c{number}", "name": f"Contact {number}", "email": f"c{number}@acme.example", **more}


def addresses(zendesk: Account, user_id: object) -> dict[str, bool]:
    return {row["value"]: row["primary"] for row in zendesk.state("identities") if str(row["user_id"]) == str(user_id)}


def organizations_of(zendesk: Account, user_id: object) -> set[str]:
    return {str(row["organization_id"]) for row in zendesk.state("memberships") if str(row["user_id"]) == str(user_id)}


async def test_new_users_come_with_address_and_organization_and_without_a_mail(zendesk: Account, acme: str) -> None:
    async with zendesk.client() as client:
        outcomes = await upsert(Users(client), [intent(contact(n, organization_id=acme)) for n in range(150)])

    assert states(outcomes) == {State.APPLIED: 150}
    assert zendesk.effects() == {"user.created": 150, "membership.created": 150, "identity.created": 150}
    assert zendesk.writes() == 2
    for number, outcome in enumerate(outcomes):
        held = zendesk.held("users", f"c{number}")
        assert outcome.dest_id == str(held["id"])
        assert (held["email"], str(held["organization_id"])) == (f"c{number}@acme.example", acme)


async def test_what_zendesk_holds_already_is_not_written(zendesk: Account, acme: str) -> None:
    async with zendesk.client() as client:
        await ensure_user_fields(client, {"erp_role": CustomField(title="Role", type="text")})
        users = Users(client)
        payload = contact(1, organization_id=acme, phone="+49 30 1234", user_fields={"erp_role": "buyer"})
        await upsert(users, [intent(payload)])
        before = zendesk.writes()
        (same,) = await users.decide([intent(payload)])
        (moved,) = await users.decide([intent({**payload, "notes": "x", "email": "new@acme.example"})], preview=True)

    assert same.state is State.UNCHANGED
    assert moved.changed == ("notes", "email")
    assert zendesk.writes() == before


async def test_a_later_address_is_added_and_a_later_organization_is_joined(zendesk: Account, acme: str) -> None:
    other = str(zendesk.by_hand("organizations", name="Other")["id"])
    async with zendesk.client() as client:
        users = Users(client)
        (created,) = await upsert(users, [intent(contact(1, organization_id=acme))])
        changed = contact(1, name="Renamed", email="new@acme.example", organization_id=other)
        decisions = await users.decide([intent(changed, created.dest_id)])
        first = await send(users, decisions)
        probed = await users.probe(decisions)
        again = await send(users, decisions)  # nothing new is found to be there already

    assert [o.state for o in (*first, *probed, *again)] == [State.APPLIED] * 3
    assert {o.dest_id for o in (*first, *probed, *again)} == {created.dest_id}
    assert addresses(zendesk, created.dest_id) == {"c1@acme.example": True, "new@acme.example": False}
    assert organizations_of(zendesk, created.dest_id) == {acme, other}
    assert zendesk.held("users", "c1")["name"] == "Renamed"
    assert zendesk.effects()["mail_sent"] == 0
    assert zendesk.effects()["membership.created"] == 2


async def test_a_member_of_several_organizations_is_not_joined_again(zendesk: Account, acme: str) -> None:
    other = str(zendesk.by_hand("organizations", name="Other")["id"])
    async with zendesk.client() as client:
        users = Users(client)
        (created,) = await upsert(users, [intent(contact(1, organization_id=acme))])
        await upsert(users, [intent(contact(1, organization_id=other), created.dest_id)])
        before = zendesk.calls("POST", "/organization_memberships/create_many")
        (unlinked,) = await users.decide([intent(contact(1, organization_id=other))])
        await upsert(users, [intent(contact(1, name="Renamed", organization_id=other), created.dest_id)])

    assert unlinked.state is State.UNCHANGED
    assert zendesk.calls("POST", "/organization_memberships/create_many") == before == 1


@pytest.mark.parametrize(
    ("policy", "owner", "state"),
    [
        (None, {"verified": True}, State.APPLIED),
        (None, {}, State.REJECTED),
        ("adopt", {}, State.APPLIED),
        ("reject", {"verified": True}, State.REJECTED),
        ("adopt", {"external_id": "other-7"}, State.REJECTED),
        (None, {"role": "agent", "verified": True}, State.REJECTED),
    ],
)
@pytest.mark.parametrize("bulk", [None, False], ids=["bulk", "single"])
async def test_an_address_is_never_stolen(
    zendesk: Account, acme: str, policy: str | None, owner: Body, state: State, bulk: bool | None
) -> None:
    theirs = zendesk.by_hand("users", name="Theirs", email="c1@acme.example", **owner)
    settings = {"email_match": policy} if policy else {}
    async with zendesk.client(**settings, bulk_users=bulk) as client:
        outcomes = await upsert(Users(client), [intent(contact(n, organization_id=acme)) for n in (0, 1, 2)])

    outcome = outcomes[1]
    (held,) = [row for row in zendesk.state("users") if row["id"] == theirs["id"]]
    assert [o.state for o in outcomes] == [State.APPLIED, state, State.APPLIED]
    if state is State.APPLIED:
        assert outcome.dest_id == str(theirs["id"])
        assert (held["name"], held["external_id"]) == ("Contact 1", "c1")
        assert organizations_of(zendesk, theirs["id"]) == {acme}
    else:
        assert (held["name"], held["external_id"]) == ("Theirs", owner.get("external_id"))
        assert outcome.reason is not None
        assert str(theirs["id"]) in outcome.reason
        assert str(owner.get("external_id", "")) in outcome.reason
        assert "acme.example" not in outcome.reason
        assert ("email_match: adopt" in outcome.reason) == (not owner.keys() & {"external_id", "role"})


async def test_another_address_of_a_user_that_it_has_not_proved_is_not_its_own(zendesk: Account) -> None:
    theirs = zendesk.by_hand("users", name="Theirs", email="theirs@acme.example", verified=True)
    zendesk.emulator.mutate("users", {"keys": [theirs["id"]], "set": {"email": "c1@acme.example"}})
    async with zendesk.client() as client:
        (outcome,) = await upsert(Users(client), [intent(contact(1))])

    assert outcome.state is State.REJECTED
    assert str(theirs["id"]) in str(outcome.reason)


@pytest.mark.parametrize("bulk", [True, False], ids=["bulk", "single"])
async def test_a_number_that_zendesk_refuses_costs_the_number_and_not_the_contact(
    zendesk: Account, acme: str, bulk: bool
) -> None:
    zendesk.configure(validates_phones=True)
    phones = ["+4930123456", "030 123-456", "(030) 123456"]
    contacts = [contact(n, phone=phone) for n, phone in enumerate(phones)]
    async with zendesk.client(bulk_users=bulk) as client:
        users = Users(client)
        created = await upsert(users, [intent(one) for one in contacts])
        moved = {**contacts[1], "name": "Renamed", "email": "new@acme.example", "organization_id": acme}
        (changed,) = await upsert(users, [intent(moved, created[1].dest_id)])

    assert states([*created, changed]) == {State.APPLIED: 4}
    assert [zendesk.held("users", f"c{n}")["phone"] for n in range(3)] == ["+4930123456", None, None]
    assert created[0].reason is None
    assert all("written without phone: Zendesk refuses" in str(o.reason) for o in (*created[1:], changed))
    assert not any("123" in str(o.reason) for o in (*created, changed))
    assert zendesk.held("users", "c1")["name"] == "Renamed"
    assert addresses(zendesk, created[1].dest_id) == {"c1@acme.example": True, "new@acme.example": False}
    assert organizations_of(zendesk, created[1].dest_id) == {acme}


async def test_a_later_address_of_somebody_else_rejects_the_whole_record(zendesk: Account) -> None:
    zendesk.by_hand("users", name="Theirs", email="taken@acme.example", external_id="other")
    async with zendesk.client() as client:
        users = Users(client)
        (created,) = await upsert(users, [intent(contact(1))])
        (outcome,) = await upsert(users, [intent(contact(1, name="No", email="taken@acme.example"), created.dest_id)])

    assert outcome.state is State.REJECTED
    assert outcome.reason is not None
    assert "other" in outcome.reason
    assert zendesk.held("users", "c1")["name"] == "Contact 1"


async def test_without_bulk_imports_users_are_written_one_by_one(zendesk: Account, acme: str) -> None:
    zendesk.configure(bulk_user_import=False)
    async with zendesk.client() as client:
        users = Users(client)
        created = await upsert(users, [intent(contact(n, organization_id=acme)) for n in range(250)])
        changed = [intent(contact(n, name="Renamed", organization_id=acme), created[n].dest_id) for n in range(3)]
        updated = await upsert(users, changed)

    assert states(created) == {State.APPLIED: 250}
    assert states(updated) == {State.APPLIED: 3}
    assert zendesk.calls("POST", "/users/create_many") == 1
    assert zendesk.effects()["user.created"] == 250
    assert zendesk.effects()["mail_sent"] == 0


async def test_single_updates_ask_for_zendesks_own_limits(zendesk: Account) -> None:
    permits = Permits()
    async with zendesk.client(limiter=permits, bulk_users=False) as client:
        users = Users(client)
        (created,) = await upsert(users, [intent(contact(1))])
        await upsert(users, [intent(contact(1, name="Renamed"), created.dest_id)])
        origin = client.settings.origin

    asked = {limit.key: (limit.per_minute, limit.burst) for limit in permits.asked}
    assert asked == {
        f"zendesk {origin}": (400, 40),
        f"zendesk {origin} users": (40, 1),
        f"zendesk {origin} users/{created.dest_id}": (5, 1),
    }


async def test_bulk_imports_that_were_promised_and_are_refused_stop_the_run(zendesk: Account) -> None:
    zendesk.configure(bulk_user_import=False)
    async with zendesk.client(bulk_users=True) as client:
        users = Users(client)
        decisions = await users.decide([intent(contact(1))])
        outcomes: list[Outcome] = []
        with pytest.raises(Misconfigured):
            await send_into(outcomes, users, decisions)

    assert states(outcomes) == {State.RETRY_WAIT: 1}


@pytest.mark.parametrize("bulk", [True, False], ids=["bulk", "single"])
async def test_a_lost_response_is_unclear_until_probed(zendesk: Account, acme: str, bulk: bool) -> None:
    zendesk.fault("lose_response", "POST", "/api/v2/users*", times=1)
    async with zendesk.client(bulk_users=bulk) as client:
        users = Users(client)
        decisions = await users.decide([intent(contact(1, organization_id=acme))])
        (sent,) = await send(users, decisions)
        await jobs_over(client)
        stored = [Decision(d.effect_id, d.source_id, "", jsonx.loads(jsonx.dumps(d.request))) for d in decisions]
        (probed,) = await users.probe(stored)
        (again,) = await send(users, stored)

    assert sent.state is State.AMBIGUOUS
    assert probed.state is State.APPLIED
    assert probed.dest_id == again.dest_id == str(zendesk.held("users", "c1")["id"])
    assert zendesk.effects()["user.created"] == 1


async def test_a_membership_that_did_not_arrive_is_not_taken_for_applied(zendesk: Account, acme: str) -> None:
    zendesk.fault("reset", "POST", "*/organization_memberships/create_many", times=1)
    async with zendesk.client() as client:
        users = Users(client)
        (created,) = await upsert(users, [intent(contact(1))])
        decisions = await users.decide([intent(contact(1, organization_id=acme), created.dest_id)])
        (sent,) = await send(users, decisions)
        (probed,) = await users.probe(decisions)
        (again,) = await send(users, decisions)

    assert [sent.state, probed.state, again.state] == [State.AMBIGUOUS, State.RETRY_WAIT, State.APPLIED]
    assert organizations_of(zendesk, created.dest_id) == {acme}


@pytest.mark.parametrize("bulk", [True, False], ids=["bulk", "single"])
@pytest.mark.parametrize("email", ["c1@acme.example", "new@acme.example"])
@pytest.mark.parametrize("lag", [0, 60])
async def test_a_deleted_user_is_made_anew(zendesk: Account, acme: str, lag: float, email: str, bulk: bool) -> None:
    async with zendesk.client(bulk_users=bulk) as client:
        users = Users(client)
        (created,) = await upsert(users, [intent(contact(1, organization_id=acme))])
        changed = contact(1, name="New", organization_id=acme, email=email)
        decisions = await users.decide([intent(changed, created.dest_id)])
        zendesk.fault("search_lag", "DELETE", seconds=lag)
        await client.write("DELETE", f"/users/{created.dest_id}")
        (anew,) = await send(users, decisions)

    held = zendesk.held("users", "c1")
    assert anew.state is State.APPLIED
    assert anew.dest_id == str(held["id"]) != created.dest_id
    assert (held["email"], str(held["organization_id"])) == (email, acme)


async def test_an_organization_that_does_not_exist_rejects_its_contact_only(zendesk: Account, acme: str) -> None:
    async with zendesk.client() as client:
        users = Users(client)
        wanted = [intent(contact(1, organization_id=acme)), intent(contact(2, organization_id="404"))]
        outcomes = await upsert(users, wanted)

    assert [outcome.state for outcome in outcomes] == [State.APPLIED, State.REJECTED]


async def test_an_owner_that_is_not_shown_rejects_its_contact_only(zendesk: Account) -> None:
    zendesk.by_hand("users", name="Theirs", email="c1@acme.example", verified=True)
    nothing = {"error": "RecordNotFound", "description": "Not found"}
    zendesk.fault("status", "GET", "/api/v2/users/*/identities*", status=404, body=nothing)
    async with zendesk.client() as client:
        outcomes = await upsert(Users(client), [intent(contact(n)) for n in range(3)])

    assert [outcome.state for outcome in outcomes] == [State.APPLIED, State.REJECTED, State.APPLIED]
    assert "email: DuplicateValue" in str(outcomes[1].reason)
