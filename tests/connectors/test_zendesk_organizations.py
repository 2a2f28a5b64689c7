"""Organizations, written over real HTTP to the sandbox and counted there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.zendesk.field_setup import ensure_organization_fields
from connectors.zendesk.jobs import Jobs
from connectors.zendesk.organization_fields import OrganizationFieldsDestination
from connectors.zendesk.organizations import Organizations
from ml_connector.core import jsonx
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import LeaseLost
from ml_connector.core.records import Body, Decision, Outcome, State
from tests.connectors.delivering import send, send_into, states, upsert
from tests.connectors.zendesk_account import Account, account, intent, jobs_over

FIELDS = {
    "country": CustomField(title="Country", type="text"),
    "credit_limit": CustomField(title="Credit limit", type="decimal"),
    "since": CustomField(title="Customer since", type="date"),
}


@pytest.fixture
def zendesk() -> Iterator[Account]:
    with account() as opened:
        yield opened


def customer(number: int, **more: object) -> Body:
    return {"external_id": str(number), "name": f"Customer {number}", **more}


async def test_every_failed_item_of_a_completed_job_is_its_own_rejected_record(zendesk: Account) -> None:
    zendesk.fault("partial_job", "POST", "*/create_many", n=10)
    async with zendesk.client() as client:
        outcomes = await upsert(Organizations(client), [intent(customer(n)) for n in range(250)])

    assert states(outcomes) == {State.APPLIED: 225, State.REJECTED: 25}
    assert zendesk.effects() == {"organization.created": 225}
    assert zendesk.calls("POST", "/organizations/create_many") == 3
    for number, outcome in enumerate(outcomes):
        if outcome.state is State.APPLIED:
            assert outcome.dest_id == str(zendesk.held("organizations", str(number))["id"])
        else:
            assert outcome.reason == "Zendesk refuses the record: UpdateError"


@pytest.mark.parametrize("indexed", [True, False], ids=["created by index", "created by id"])
@pytest.mark.parametrize("named", ["place", "nothing"])
async def test_failures_without_index_settle_all_the_same(zendesk: Account, indexed: bool, named: str) -> None:
    zendesk.configure(result_index=indexed, failure_names=named)
    zendesk.by_hand("organizations", name="Customer 3")
    async with zendesk.client() as client:
        organizations = Organizations(client)
        names = [" " if n == 5 else f"Customer {n}" for n in range(8)]
        decisions = await organizations.decide([intent(customer(n, name=name)) for n, name in enumerate(names)])
        outcomes = {o.effect_id: o for o in await send(organizations, decisions)}
        doubted = [d for d in decisions if outcomes[d.effect_id].state is State.AMBIGUOUS]
        probed = await organizations.probe(doubted)
        for decision in doubted:
            decision.attempts = 1
        outcomes |= {o.effect_id: o for o in await send(organizations, doubted)}

    assert len(doubted) == (0 if named == "place" else 2)
    assert states(probed) == {State.RETRY_WAIT: len(doubted)} or not doubted
    by_number = {int(d.source_id): outcomes[d.effect_id] for d in decisions}
    assert {n for n, outcome in by_number.items() if outcome.state is State.REJECTED} == {5}
    assert zendesk.held("organizations", "3")["name"] == "Customer 3 (3)"
    assert {n: outcome.dest_id for n, outcome in by_number.items() if n != 5} == {
        n: str(zendesk.held("organizations", str(n))["id"]) for n in range(8) if n != 5
    }
    assert zendesk.effects()["organization.created"] == 7


async def test_what_a_job_never_speaks_of_is_rejected_in_the_end(zendesk: Account) -> None:
    class Mute(Jobs):
        async def _end_of(self, job: Body) -> Body | None:
            return {**(await super()._end_of(job) or {}), "results": []}

    zendesk.fault("partial_job", "POST", "*/create_many", n=1)
    async with zendesk.client() as client:
        client.jobs = Mute(client, 20)
        organizations = Organizations(client)
        decisions = await organizations.decide([intent(customer(n)) for n in range(2)])
        seen = []
        for attempts in range(4):
            for decision in decisions:
                decision.attempts = attempts
            seen.append({outcome.state for outcome in await send(organizations, decisions)})

    assert seen == [{State.AMBIGUOUS}] * 3 + [{State.REJECTED}]


async def test_updates_reach_their_own_organizations(zendesk: Account) -> None:
    async with zendesk.client() as client:
        organizations = Organizations(client)
        created = await upsert(organizations, [intent(customer(n)) for n in range(120)])
        renamed = [intent(customer(n, name=f"Renamed {n}"), created[n].dest_id) for n in reversed(range(120))]
        updated = await upsert(organizations, renamed)

    assert states(updated) == {State.APPLIED: 120}
    assert zendesk.effects() == {"organization.created": 120, "organization.updated": 120}
    assert {row["external_id"]: row["name"] for row in zendesk.state("organizations")} == {
        str(n): f"Renamed {n}" for n in range(120)
    }


@pytest.mark.parametrize(
    ("fault", "found"), [("lose_response", State.APPLIED), ("reset", State.RETRY_WAIT)], ids=["carried out", "not"]
)
async def test_a_lost_response_is_unclear_until_probed(zendesk: Account, fault: str, found: State) -> None:
    zendesk.fault(fault, "POST", "*/create_many", times=1)
    async with zendesk.client() as client:
        organizations = Organizations(client)
        decisions = await organizations.decide([intent(customer(n)) for n in range(30)])
        sent = await send(organizations, decisions)
        # The ledger gives the request back as it was stored.
        stored = [
            Decision(d.effect_id, d.source_id, "", jsonx.loads(jsonx.dumps(d.request)), d.dest_id) for d in decisions
        ]
        early = await organizations.probe(stored)
        await jobs_over(client)
        late = await organizations.probe(stored)

    assert states(sent) == {State.AMBIGUOUS: 30}
    assert zendesk.calls("POST", "/organizations/create_many") == 1
    assert states(late) == {found: 30}
    if found is State.APPLIED:
        assert State.RETRY_WAIT not in states(early), "the job was still running"
        assert [o.dest_id for o in late] == [str(zendesk.held("organizations", str(n))["id"]) for n in range(30)]


async def test_a_repeated_create_finds_what_the_first_one_made(zendesk: Account) -> None:
    zendesk.fault("lose_response", "POST", "*/create_many", times=1)
    async with zendesk.client() as client:
        organizations = Organizations(client)
        decisions = await organizations.decide([intent(customer(1))])
        await send(organizations, decisions)
        await jobs_over(client)
        (again,) = await send(organizations, decisions)

    assert again.state is State.APPLIED
    assert zendesk.effects()["organization.created"] == 1


async def test_while_our_own_write_is_not_yet_visible_nothing_is_made_twice_or_given_up(zendesk: Account) -> None:
    zendesk.fault("search_lag", "POST", "*/create_many", times=1, seconds=3.0)
    zendesk.fault("lose_response", "POST", "*/create_many", times=1)
    async with zendesk.client() as client:
        organizations = Organizations(client)
        decisions = await organizations.decide([intent(customer(1))])
        await send(organizations, decisions)
        await jobs_over(client)
        (blind,) = await send(organizations, decisions)
        await asyncio.sleep(3.0)
        (again,) = await send(organizations, decisions)

    assert [blind.state, again.state] == [State.RETRY_WAIT, State.APPLIED]
    assert [row["name"] for row in zendesk.state("organizations")] == ["Customer 1"]


@pytest.mark.parametrize(
    ("policy", "state", "names"),
    [
        ("suffix", State.APPLIED, ["Customer 1", "Customer 1 (1)"]),
        ("adopt", State.APPLIED, ["Customer 1"]),
        ("reject", State.REJECTED, ["Customer 1"]),
    ],
)
async def test_a_taken_name(zendesk: Account, policy: str, state: State, names: list[str]) -> None:
    theirs = zendesk.by_hand("organizations", name="Customer 1", notes="by hand")
    async with zendesk.client(name_collision=policy) as client:
        organizations = Organizations(client)
        (outcome,) = await upsert(organizations, [intent(customer(1))])
        (second,) = await organizations.decide([intent(customer(1))])

    assert outcome.state is state
    assert sorted(row["name"] for row in zendesk.state("organizations")) == names
    (still,) = [row for row in zendesk.state("organizations") if row["id"] == theirs["id"]]
    assert (still["notes"], still["external_id"]) == ("by hand", "1" if policy == "adopt" else None)
    assert (outcome.dest_id == str(theirs["id"])) == (policy == "adopt")
    if policy == "reject":
        assert outcome.reason is not None
        assert "name: DuplicateValue" in outcome.reason
        assert "Customer 1" not in outcome.reason
    else:
        assert second.state is State.UNCHANGED


async def test_adopting_spares_an_organization_of_another_record(zendesk: Account) -> None:
    zendesk.by_hand("organizations", name="Customer 1", external_id="other")
    async with zendesk.client(name_collision="adopt") as client:
        (outcome,) = await upsert(Organizations(client), [intent(customer(1))])

    assert outcome.state is State.APPLIED
    assert zendesk.held("organizations", "1")["name"] == "Customer 1 (1)"
    assert zendesk.held("organizations", "other")["name"] == "Customer 1"


async def test_what_zendesk_holds_already_is_not_written(zendesk: Account) -> None:
    async with zendesk.client() as client:
        await ensure_organization_fields(client, FIELDS)
        organizations = Organizations(client)
        values = {"country": "DE", "credit_limit": Decimal("10.50"), "since": "2026-11-20"}
        payload = customer(1, name="  Customer 1", tags=["Key Account"], organization_fields=values)
        await upsert(organizations, [intent(payload)])
        before = zendesk.writes()
        decisions = await organizations.decide([intent(payload), intent({**payload, "notes": "new"})], preview=True)
        forced = await organizations.decide([intent(payload, force=True)])
        # What we have written before is written again: the read may be older than our last write.
        linked = await organizations.decide([intent(payload, decisions[0].dest_id)])

    assert [decision.state for decision in decisions] == [State.UNCHANGED, None]
    assert [decision.changed for decision in decisions] == [(), ("notes",)]
    assert forced[0].state is None
    assert linked[0].state is None
    assert zendesk.writes() == before


async def test_fields_owned_by_people_are_written_only_while_empty(zendesk: Account) -> None:
    async with zendesk.client() as client:
        await ensure_organization_fields(client, FIELDS)
        organizations = Organizations(client, frozenset({"organization_fields.country", "notes"}))
        payload = customer(1, notes="ERP", organization_fields={"country": "DE", "credit_limit": "1"})
        (created,) = await upsert(organizations, [intent(payload)])
        zendesk.emulator.mutate(
            "organizations",
            {"where": {"external_id": "1"}, "set": {"organization_fields": {"country": "AT"}, "notes": ""}},
        )
        changed = {**payload, "organization_fields": {"country": "CH", "credit_limit": "2"}}
        await upsert(organizations, [intent(changed, created.dest_id)])

    held = zendesk.held("organizations", "1")
    assert held["organization_fields"]["country"] == "AT"
    assert held["organization_fields"]["credit_limit"] == 2
    assert held["notes"] == "ERP"


async def test_tags_of_people_stay(zendesk: Account) -> None:
    zendesk.by_hand("organizations", name="Customer 1", external_id="1", tags=["vip"])
    async with zendesk.client() as client:
        await upsert(Organizations(client), [intent(customer(1, tags=["erp"]))])

    assert zendesk.held("organizations", "1")["tags"] == ["erp", "vip"]


async def test_a_stored_request_is_sent_with_its_numbers(zendesk: Account) -> None:
    async with zendesk.client() as client:
        await ensure_organization_fields(client, FIELDS)
        organizations = Organizations(client)
        (decision,) = await organizations.decide([intent(customer(1, organization_fields={"credit_limit": "10.50"}))])
        decision.request = jsonx.loads(jsonx.dumps(decision.request))
        (outcome,) = await send(organizations, [decision])

    (sent,) = [seen.body for seen in zendesk.world.requests if seen.path.endswith("/create_many")]
    assert outcome.state is State.APPLIED
    assert b'"credit_limit":10.50' in sent


async def test_a_field_that_zendesk_would_drop_rejects_the_record(zendesk: Account) -> None:
    async with zendesk.client() as client:
        await ensure_organization_fields(client, FIELDS)
        unknown = customer(1, organization_fields={"colour": "red"})
        bad = customer(3, organization_fields={"credit_limit": "secret-value"})
        outcomes = await upsert(Organizations(client), [intent(payload) for payload in (unknown, bad)])

    assert [o.state for o in outcomes] == [State.REJECTED] * 2
    assert outcomes[0].reason == "field colour does not exist in this Zendesk account: run `ml-connector apply`"
    assert outcomes[1].reason == "organization_fields.credit_limit is not a number"


async def test_a_value_that_zendesk_refuses_costs_its_field_and_not_the_customer(zendesk: Account) -> None:
    tier = {"key": "tier", "title": "Customer", "type": "dropdown"}
    zendesk.by_hand("organizations", name="Customer 2")
    async with zendesk.client() as client:
        await ensure_organization_fields(client, FIELDS)
        await client.create_field("organization", {**tier, "custom_field_options": [{"name": "Gold", "value": "gold"}]})
        wrong = {"tier": "platinum", "since": "yesterday", "country": "DE"}
        payloads = [
            customer(n, organization_fields={"country": "DE", "tier": "gold"} if n else wrong) for n in range(3)
        ]
        payloads[2]["organization_fields"] = wrong
        outcomes = await upsert(Organizations(client), [intent(payload) for payload in payloads])
        ids = [str(outcome.dest_id) for outcome in outcomes]
        balances = [{"tier": "bronze", "country": "FR"}, {"tier": "bronze"}, {"country": "FR"}]
        payloads = [{"id": id_, "organization_fields": values} for id_, values in zip(ids, balances, strict=True)]
        written = await upsert(OrganizationFieldsDestination(client), [intent(payload) for payload in payloads])

    assert states(outcomes) == {State.APPLIED: 3}
    said = (
        "written without organization_fields.since, organization_fields.tier: Zendesk refuses OrganizationCreateError"
    )
    assert [outcome.reason for outcome in outcomes] == [said, None, said]
    assert [outcome.state for outcome in written] == [State.APPLIED, State.REJECTED, State.APPLIED]
    assert "without organization_fields.tier" in str(written[0].reason)
    held = [zendesk.held("organizations", str(n)) for n in range(3)]
    assert [row["organization_fields"]["country"] for row in held] == ["FR", "DE", "FR"]
    assert [row["organization_fields"].get("tier") for row in held] == [None, "gold", None]
    assert held[2]["name"] == "Customer 2 (2)"


async def test_a_deleted_organization_is_made_anew(zendesk: Account) -> None:
    async with zendesk.client() as client:
        organizations = Organizations(client)
        (created,) = await upsert(organizations, [intent(customer(1))])
        zendesk.emulator.mutate("organizations", {"where": {"external_id": "1"}, "delete": True})
        (anew,) = await upsert(organizations, [intent(customer(1, name="New"), created.dest_id)])

    assert anew.state is State.APPLIED
    assert anew.dest_id == str(zendesk.held("organizations", "1")["id"]) != created.dest_id


async def test_external_ids_that_differ_in_case_are_not_mixed_up(zendesk: Account) -> None:
    zendesk.by_hand("organizations", name="Other", external_id="ab")
    async with zendesk.client() as client:
        (outcome,) = await upsert(Organizations(client), [intent({"external_id": "AB", "name": "Mine"})])

    assert outcome.state is State.REJECTED
    assert zendesk.effects() == {}


async def test_no_room_for_jobs_is_waited_for(zendesk: Account) -> None:
    zendesk.fault("too_many_jobs", "POST", "*/create_many", times=4)
    async with zendesk.client() as client:
        outcomes = await upsert(Organizations(client), [intent(customer(n)) for n in range(5)])

    assert states(outcomes) == {State.APPLIED: 5}


@pytest.mark.parametrize("applies", [True, False])
async def test_a_job_that_zendesk_loses_is_unclear(zendesk: Account, applies: bool) -> None:
    zendesk.fault("job_lost", "POST", "*/create_many", times=1, applies=applies)
    async with zendesk.client() as client:
        organizations = Organizations(client)
        decisions = await organizations.decide([intent(customer(n)) for n in range(3)])
        sent = await send(organizations, decisions)
        probed = await organizations.probe(decisions)

    assert states(sent) == {State.AMBIGUOUS: 3}
    assert states(probed) == {State.APPLIED if applies else State.RETRY_WAIT: 3}


async def test_a_failed_job_is_unclear_for_what_it_does_not_report(zendesk: Account) -> None:
    zendesk.fault("job_failed", "POST", "*/create_many", times=1, after=2)
    async with zendesk.client() as client:
        organizations = Organizations(client)
        decisions = await organizations.decide([intent(customer(n)) for n in range(5)])
        sent = await send(organizations, decisions)
        probed = await organizations.probe(decisions)

    assert states(sent) == {State.APPLIED: 2, State.AMBIGUOUS: 3}
    assert states(probed) == {State.APPLIED: 2, State.RETRY_WAIT: 3}


async def test_a_lost_lease_stops_the_sending_and_every_record_has_its_outcome(zendesk: Account) -> None:
    zendesk.by_hand("organizations", name="Customer 5")  # its record needs a second write
    allowed = iter([True, True])

    def guard() -> None:
        if not next(allowed, False):
            raise LeaseLost("another process has taken over")

    async with zendesk.client(guard=guard, max_jobs=1) as client:
        organizations = Organizations(client)
        decisions = await organizations.decide([intent(customer(n)) for n in range(450)])
        outcomes: list[Outcome] = []
        with pytest.raises(LeaseLost):
            await send_into(outcomes, organizations, decisions)

    assert states(outcomes) == {State.APPLIED: 199, State.RETRY_WAIT: 251}
    assert zendesk.effects() == {"organization.created": 199}


async def test_balances_are_written_to_organizations_that_exist(zendesk: Account) -> None:
    theirs = zendesk.by_hand("organizations", name="Customer 1")
    async with zendesk.client() as client:
        await ensure_organization_fields(client, FIELDS)
        balances = OrganizationFieldsDestination(client)
        values = {"organization_fields": {"credit_limit": Decimal("99.90"), "country": None}}
        intents = [intent({"id": str(theirs["id"]), **values}), intent({"id": "404", **values})]
        (preview, gone) = await balances.decide(intents, preview=True)
        decisions = await balances.decide(intents)
        outcomes = {o.effect_id: o for o in await send(balances, decisions)}
        probed = await balances.probe(decisions)

    assert preview.changed == ("organization_fields.credit_limit",)
    assert gone.state is State.REJECTED
    assert [outcomes[one.effect_id].state for one in intents] == [State.APPLIED, State.REJECTED]
    assert [one.state for one in probed] == [State.APPLIED, State.REJECTED]
    assert zendesk.state("organizations")[0]["organization_fields"]["credit_limit"] == 99.9


async def test_two_erps_in_one_account_are_told_apart_by_their_prefixes(zendesk: Account) -> None:
    for prefix in ("oracle-", "qad-"):
        async with zendesk.client(external_id_prefix=prefix) as client:
            organizations = Organizations(client)
            await upsert(organizations, [intent({"external_id": "7", "name": f"Customer of {prefix}"})])
            again = await organizations.decide([intent({"external_id": "7", "name": f"Customer of {prefix}"})])

            assert [decision.state for decision in again] == [State.UNCHANGED]
    assert zendesk.effects() == {"organization.created": 2}
    assert zendesk.held("organizations", "oracle-7")["name"] == "Customer of oracle-"
    assert zendesk.held("organizations", "qad-7")["name"] == "Customer of qad-"
