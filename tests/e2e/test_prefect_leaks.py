"""No value of a record and no secret reaches Prefect: not its database, its storage, any log, or an artifact.

Whatever can go wrong with a record goes wrong here, with values that can be recognized wherever they end up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ml_connector.core.credentials import PostgresTokenStore
from ml_connector.core.db import Database
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys, Vault
from tests.connections import CLIENT_SECRET
from tests.e2e.stack import FlowRun, Stack, Tenant, until

# both expressions fail where Oracle holds a text: one in its evaluation, one when the field's type is made
MAPPING = (
    "{fields: {organization_fields.remarks: \"join_nonempty(', ', Comments)\", organization_fields.staff: DUNSNumber}, "
    "custom_fields: {organization_fields: {remarks: {title: Remarks, type: text}, staff: {title: S, type: integer}}}}"
)


def test_no_value_and_no_secret_reaches_prefect(stack: Stack) -> None:
    tenant = stack.tenant("leaky", minimum=3, mapping=MAPPING)
    canaries = _plant(stack)
    assert len(set(canaries)) > 40

    runs = [
        _refused_by_mapping_and_vendor(tenant),
        _nonsense_from_the_source(tenant),
        _refused_by_database_and_authorization_server(tenant),
    ]
    until(lambda: _has_told_of(stack, runs), 120, "Prefect to store its events", every=0.5)
    needles = [*canaries, *_secrets(stack)]
    places = dict(_everything_that_prefect_keeps(stack))

    assert all(any(run.id in text for text in places.values()) for run in runs)
    assert any("leaky organizations, users" in places[name] for name in places if name.startswith("logs/worker"))
    found = {needle: [name for name, text in places.items() if needle in text] for needle in needles}
    assert {needle: names for needle, names in found.items() if names} == {}


def _plant(stack: Stack) -> list[str]:
    """Values that are to be found nowhere: in 12 customers, of which the mapping refuses 6, and in 10 contacts."""
    sandbox = stack.sandbox
    sandbox.seed("oracle_fusion", "customers", 12)
    sandbox.seed("oracle_fusion", "contacts", 10)
    planted: list[str] = []
    for n, row in enumerate(sandbox.state("oracle_fusion", "hubOrganizations")):
        values = {"OrganizationName": f"CanaryName{n:02}", "Address1": f"CanaryStreet{n:02}"}
        if n < 6:
            values["Comments" if n < 3 else "DUNSNumber"] = f"CanaryText{n:02}"
        planted += values.values()
        sandbox.mutate("oracle_fusion", "hubOrganizations", keys=[row["PartyNumber"]], set=values)
    for n, row in enumerate(sandbox.state("oracle_fusion", "hubPersons")):
        values = {"PersonName": f"CanaryPerson{n:02}", "RawWorkPhoneNumber": f"+49 00999{n:02}"}
        values["EmailAddress"] = f"canarymail{n:02}@canary.example" if n else "canarymail00 is no address"
        planted += values.values()
        sandbox.mutate("oracle_fusion", "hubPersons", keys=[row["PartyNumber"]], set=values)
    return planted


def _refused_by_mapping_and_vendor(tenant: Tenant) -> FlowRun:
    """Values that the mapping or Zendesk cannot take, and answers of Zendesk that quote them."""
    sandbox = tenant.stack.sandbox
    sandbox.mutate("zendesk", "organizations", create={"name": "CanaryName08"})
    for n in range(1, 10):
        user = {"name": "X", "email": f"canarymail{n:02}@canary.example", "verified": True}
        sandbox.mutate("zendesk", "users", create=user)
    text = "Name: CanaryName09 is wrong"
    quoting = {"error": "RecordInvalid", "description": text, "details": {text: [{"description": text, "error": text}]}}
    sandbox.fault("zendesk", "status", "POST", "*/organizations/create_many*", times=1, status=422, body=quoting)
    sandbox.fault("zendesk", "status", "POST", "*/users/*_many*", times=1, status=500, body="<p>CanaryPerson03</p>")
    run = tenant.start()
    assert run.wait() == "Failed"
    assert "6 of 12 records were rejected" in run.message
    assert "email" in run.artifacts()["rejected"]
    assert all(fault["hits"] for fault in sandbox.faults())
    sandbox.clear_faults()
    return run


def _refused_by_database_and_authorization_server(tenant: Tenant) -> FlowRun:
    """A database error that quotes a row; and when it comes to users, a server that repeats the secret it refuses."""
    sandbox = tenant.stack.sandbox
    refusal = {"error": "invalid_client", "error_description": f"the client secret {CLIENT_SECRET} is wrong"}
    sandbox.fault("zendesk", "expire_token", path="*/users/*", times=1)
    sandbox.fault("zendesk", "status", "POST", "*/oauth/tokens", status=401, body=refusal)
    tenant.stack.touch("hubOrganizations", count=12)
    tenant.stack.touch("hubPersons", count=10)
    with tenant.stack.owner() as db:
        db.execute("create sequence leaks")
        db.execute(
            "create function leak() returns trigger language plpgsql security definer as $$ begin "
            "if nextval('leaks') = 1 then "
            "raise exception 'row (CanaryName10, CanaryStreet10)' using detail = 'CanaryName10'; end if; "
            "return new; end $$"
        )
        db.execute("create trigger leak before update on effect for each row execute function leak()")
        try:
            run = tenant.start()
            assert run.wait() == "Failed"
        finally:
            db.execute("drop function leak cascade")
            db.execute("drop sequence leaks")
    assert "RaiseException" in run.message
    assert "Reauthenticate" in run.message
    return run


def _nonsense_from_the_source(tenant: Tenant) -> FlowRun:
    """Answers that are not what they should be, in ways that Python quotes; a read is tried three times."""
    sandbox = tenant.stack.sandbox
    name = "CanaryName11"
    for items in ({name: name}, [name], [{"PartyId": [name], "LastUpdateDate": name, "OrganizationName": {name: 1}}]):
        body = {"items": items, "hasMore": name, "count": name, "links": name}
        sandbox.fault("oracle_fusion", "status", "GET", "*/hubOrganizations", times=1, status=200, body=body)
    run = tenant.start()
    assert run.wait() == "Failed"
    assert all(fault["hits"] for fault in sandbox.faults())
    sandbox.clear_faults()
    return run


def _secrets(stack: Stack) -> list[str]:
    """The client secret, the master key, and the access tokens that were bought."""
    master = stack.environment["ML_CONNECTOR_MASTER_KEYS"].partition(":")[2]
    with stack.surroundings():
        tokens = asyncio.run(_tokens())
    assert len(tokens) == 2
    return [CLIENT_SECRET, master, *tokens]


async def _tokens() -> list[str]:
    found = []
    async with Database(settings().database_url, connections=1) as db:
        vault = Vault(db, MasterKeys.load(settings()))
        for connection in ("oracle", "zendesk"):
            async with PostgresTokenStore(db, vault, "leaky", connection).locked() as slot:
                assert slot.token is not None
                found.append(slot.token.access.reveal())
    return found


def _has_told_of(stack: Stack, runs: list[FlowRun]) -> bool:
    events = "".join(stack.rows("prefect", "events"))
    return all(f"prefect.flow-run.{run.id}" in events for run in runs)


def _everything_that_prefect_keeps(stack: Stack) -> Iterator[tuple[str, str]]:
    """Every row of every table of Prefect's database, every file of its home, and all logs: name and text."""
    for table in stack.tables("prefect"):
        yield f"table {table}", "\n".join(stack.rows("prefect", table))
    for folder in ("prefect", "logs"):
        for file in (stack.home / folder).rglob("*"):
            if file.is_file():
                yield str(file.relative_to(stack.home)), file.read_text(errors="replace")
