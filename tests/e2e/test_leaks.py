"""Forty names, addresses and towns, and every secret: whatever fails, none of them is seen anywhere in clear."""

from __future__ import annotations

import base64
import logging
import string
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from flows.oracle_zendesk import STREAMS
from ml_connector.core import crashpoints
from ml_connector.core.credentials import PostgresTokenStore
from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys, Vault
from tests.connections import CLIENT_SECRET
from tests.e2e.conftest import Owner
from tests.e2e.net import Net
from tests.e2e.reconcile import reconcile
from tests.installation import Installation, Sandbox

# every second one looks like the words in which vendors write their codes
CANARIES = [f"Canary{letter}bird" if n % 2 else f"Canary-{n}-Bird" for n, letter in enumerate(string.ascii_letters)][
    :40
]
ECHO = ", ".join(CANARIES)
ZENDESK_SAYS = {
    "error": "RecordInvalid",
    "description": ECHO,
    "details": {
        "name": [
            {"description": f"Name: {name} has already been taken", "error": "DuplicateValue"} for name in CANARIES
        ],
        ECHO: [{"description": ECHO, "error": ECHO}],
    },
}
ORACLE_SAYS = {
    "title": ECHO,
    "status": "400",
    "detail": ECHO,
    "o:errorDetails": [{"detail": f"{ECHO} (JBO-27024)", "o:errorCode": ECHO, "o:errorPath": f"/{ECHO}"}],
}
TOKEN_SAYS = {"error": "invalid_client", "error_description": f"{ECHO} {CLIENT_SECRET}"}
FAULT = (
    '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><env:Fault><faultcode>env:Server'
    f"</faultcode><faultstring>JBO-FND:::FND_X: {ECHO}</faultstring></env:Fault></env:Body></env:Envelope>"
)
WRITES, READS = {"method": "P*", "path": "/api/v2/*_many"}, {"method": "GET", "path": "/crmRestApi/*"}
FAULTS: dict[str, list[dict[str, Any]]] = {
    **{
        f"Zendesk answers {kind} with {status}": [
            {"system": "zendesk", "fault": "status", "status": status, "body": body, "times": 2, **where}
        ]
        for kind, where in (("writes", WRITES), ("reads", {"method": "GET", "path": "/api/v2/users*"}))
        for status, body in (
            (400, {"error": {"title": ECHO, "message": ECHO}}),
            (401, {"error": ECHO}),
            (403, {"error": {"title": ECHO, "message": ECHO}}),
            (404, {"error": "RecordNotFound", "description": ECHO}),
            (409, ECHO),
            (422, ZENDESK_SAYS),
            (500, f"<html>{ECHO}</html>"),
        )
    },
    **{
        f"Oracle answers {status}": [
            {"system": "oracle_fusion", "fault": "status", "status": status, "body": body, "times": 2, **READS}
        ]
        for status, body in ((400, ORACLE_SAYS), (401, ORACLE_SAYS), (403, f"<html>{ECHO}"), (404, ECHO), (500, ECHO))
    },
    "what comes is cut off": [
        {"system": "zendesk", "fault": "truncate", "times": 2, **WRITES},
        {"system": "oracle_fusion", "fault": "truncate", "times": 2, **READS},
        {"system": "oracle_fusion", "fault": "truncate", "times": 2, "path": "/fscm*"},
    ],
    "the SOAP service refuses": [
        {
            "system": "oracle_fusion",
            "fault": "status",
            "status": 500,
            "body": FAULT,
            "path": "/fscmService/*",
            "times": 9,
        }
    ],
    "Oracle issues no token": [
        {"system": "oracle_fusion", "fault": "expire_token", "times": 1},
        {"system": "oracle_fusion", "fault": "status", "status": 401, "body": TOKEN_SAYS, "path": "/oauth2/*"},
    ],
    "Zendesk issues no token": [
        {"system": "zendesk", "fault": "expire_token", "times": 1},
        {"system": "zendesk", "fault": "status", "status": 400, "body": TOKEN_SAYS, "path": "/oauth/*"},
    ],
}
DATABASE_REFUSES = [
    "revoke insert on body from mlc_app",
    "revoke update on effect from mlc_app",
    "revoke insert on link from mlc_app",
    "revoke insert on audit_entry from mlc_app",
    "revoke update on run_window from mlc_app",
    "revoke select on effect from mlc_app",
    "alter table body add constraint broken check (kind <> 'request') not valid",
    "alter table link add constraint broken check (dest_id = '') not valid",
    "alter table effect add constraint broken check (length(source_id) < 3) not valid",
]
MAPPING_REFUSES = {
    "organizations: {every: 10m": (
        "organizations: {mapping: {fields: {"
        "organization_fields.erp_status: {from: City, values: towns}, "
        "organization_fields.erp_number: \"join_nonempty(', ', OrganizationName)\", "
        "organization_fields.billing_country: Address1}, "
        "custom_fields: {organization_fields: {billing_country: {title: Country, type: %s}}}, "
        "values: {towns: {Nowhere: none}}}, every: 10m"
    )
}


async def test_whatever_fails_nothing_planted_is_seen(
    installed: Installation,
    owner: Owner,
    postgres: Embedded,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.WARNING, "httpcore")  # the sandbox's control interface; the product does not use it
    caplog.set_level(logging.DEBUG)
    net = Net([*CANARIES, CLIENT_SECRET, base64.b64encode(f"ml-connector:{CLIENT_SECRET}".encode()).decode()])
    net.planted.add(settings().master_keys.reveal().partition(":")[2])
    story = _Story(installed, owner, net)
    await story.plant()
    await story.tell("all arrive")
    arrived = str(installed.sandbox.state("zendesk", "organizations") + installed.sandbox.state("zendesk", "users"))
    assert [canary for canary in CANARIES if canary.casefold() not in arrived.casefold()] == []

    await story.mapping_refuses()
    await story.zendesk_refuses_what_is_taken()
    for name, faults in FAULTS.items():
        await story.tell(name, faults)
    for statement in DATABASE_REFUSES:
        await story.database_refuses(statement)
    assert story.failed > 15

    net.catch_database(owner)
    net.catch("the log", caplog.text)
    net.catch("the terminal", *capfd.readouterr())
    net.catch_file(Path(postgres.server.log))
    assert net.leaks() == []

    await story.heal()
    owner.execute("update effect set reason = %s where id = (select id from effect limit 1)", (f"x {CANARIES[7]} y",))
    net.catch_database(owner)
    assert len(net.leaks()) == 1  # the net holds


class _Story:
    """The same forty records, sent again and again under changing circumstances."""

    def __init__(self, installed: Installation, owner: Owner, net: Net) -> None:
        self.installed = installed
        self.sandbox: Sandbox = installed.sandbox
        self.owner = owner
        self.net = net
        self.told = 0
        self.failed = 0
        self.values: dict[str, tuple[str, dict[str, str]]] = {}

    async def plant(self) -> None:
        self.sandbox.seed("oracle_fusion", "customers", 30)
        self.sandbox.seed("oracle_fusion", "contacts", 30)
        words = iter(CANARIES)
        for party in self.sandbox.state("oracle_fusion", "customers")[:10]:
            values = {name: next(words) for name in ("OrganizationName", "Address1", "City")}
            self.values[party["PartyNumber"]] = ("customers", values)
        for person in self.sandbox.state("oracle_fusion", "contacts")[:5]:
            mailbox = next(words)
            values = {"LastName": next(words), "EmailAddress": f"{mailbox}@{mailbox}.example"}
            self.values[person["PartyNumber"]] = ("contacts", values)
        assert next(words, None) is None
        await self.installed.prepare()

    async def tell(
        self,
        name: str,
        faults: Sequence[dict[str, Any]] = (),
        changes: Mapping[str, dict[str, str]] = MappingProxyType({}),
    ) -> None:
        """Change all planted records at the source, and run all streams; ``changes`` by key are other values."""
        self.told += 1
        then = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
        for key, (collection, values) in self.values.items():
            fresh = {"Address2" if collection == "customers" else "RawWorkPhoneNumber": f"number {self.told}"}
            values = {**values, **fresh, **changes.get(key, {})}
            self.sandbox.mutate("oracle_fusion", collection, keys=[key], set=values, last_update_date=then)
        for fault in faults:
            self.sandbox.fault(**fault)
        try:
            state = await self.installed.sync(streams=STREAMS)
            self.failed += not state.is_completed()
            self.net.catch(f"the state of: {name}", state, state.message, state.data)
        except Exception as error:  # noqa: BLE001 - all of them are looked at
            self.failed += 1
            self.net.catch_error(f"the error of: {name}", error)
        assert [fault["fault"] for fault in self.sandbox.faults() if not fault["hits"]] == [], name
        self.sandbox.clear_faults()
        self.owner.execute("delete from connection")  # a refused credential has been mended
        await self._know_tokens()

    async def mapping_refuses(self) -> None:
        contacts = [key for key, (collection, _) in self.values.items() if collection == "contacts"]
        customers = [key for key, (collection, _) in self.values.items() if collection == "customers"]
        changes = {key: {"EmailAddress": f"{CANARIES[n]} at home"} for n, key in enumerate(contacts)}
        changes[customers[0]] = {"OrganizationName": CANARIES[0] * 40}
        await self.tell("the mapping refuses values", changes=changes)
        for kind in ("integer", "decimal", "date", "checkbox"):
            with _tenant_file({old: new % kind for old, new in MAPPING_REFUSES.items()}):
                await self.tell(f"the mapping refuses {kind}")

    async def zendesk_refuses_what_is_taken(self) -> None:
        self.sandbox.seed("oracle_fusion", "contacts", 1)
        newcomer = self.sandbox.state("oracle_fusion", "contacts")[-1]
        self.values[newcomer["PartyNumber"]] = ("contacts", {"EmailAddress": newcomer["EmailAddress"]})
        changes = {
            newcomer["PartyNumber"]: {"EmailAddress": f"{CANARIES[0]}@bird."}
        }  # a job says what it is refused for
        keys = {"customers": "OrganizationName", "contacts": "EmailAddress"}
        for collection, name in keys.items():
            one, other, *_ = [key for key, (found, _) in self.values.items() if found == collection]
            changes[one] = {name: self.values[other][1][name]}
        with _tenant_file({"requests_per_minute:": "name_collision: reject\n    requests_per_minute:"}):
            await self.tell("names and addresses are taken", changes=changes)
        reasons = {row[0] for row in self.owner.execute("select reason from effect where state = 'rejected'")}
        assert any("name: DuplicateValue" in reason for reason in reasons)
        assert any("belongs to end-user" in reason for reason in reasons)
        assert any("email: Invalid" in reason for reason in reasons)

    async def database_refuses(self, statement: str) -> None:
        """In the middle of the run: when the first page has been read."""
        done = False

        def on_point(point: str) -> None:
            nonlocal done
            if point == "fetch.read" and not done:
                done = True
                self.owner.execute(statement)

        failed = self.failed
        crashpoints.arm(on_point)
        try:
            await self.tell(statement)
        finally:
            crashpoints.arm(None)
            self._repair(statement)
        assert self.failed == failed + 1, statement

    async def heal(self) -> None:
        """When all is mended everything arrives, as if nothing had been."""
        await self.tell("all is well again")
        await self.tell("and stays so")
        assert reconcile(self.sandbox) == []

    def _repair(self, statement: str) -> None:
        words = statement.split()
        match words[:4]:
            case ["revoke", right, "on", table]:
                self.owner.execute(f"grant {right} on {table} to mlc_app")
            case ["alter", "table", table, "add"]:
                self.owner.execute(f"alter table {table} drop constraint broken")

    async def _know_tokens(self) -> None:
        async with Database(self.installed.database_url, connections=1) as db:
            vault = Vault(db, MasterKeys.load(settings()))
            for connection in ("oracle", "zendesk"):
                async with PostgresTokenStore(db, vault, "acme", connection).locked() as slot:
                    assert slot.token is not None
                    self.net.planted.add(slot.token.access.reveal())


@contextmanager
def _tenant_file(replaced: dict[str, str]) -> Iterator[None]:
    """The tenant's file with other text in it."""
    file = settings().tenants_dir / "acme.yaml"
    before = file.read_text()
    text = before
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    try:
        yield
    finally:
        file.write_text(before)
