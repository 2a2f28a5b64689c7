"""Trying a connection, and the custom fields, over real HTTP to the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.zendesk.errors import Forbidden
from connectors.zendesk.field_setup import ensure_organization_fields, missing_fields
from connectors.zendesk.fields import CustomFields
from connectors.zendesk.ping import identity, ping
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import Reauthenticate
from tests.connectors.zendesk_account import Account, account

WANTED = {
    "erp_number": CustomField(title="ERP number", type="text"),
    "credit_limit": CustomField(title="Credit limit", type="decimal"),
}


@pytest.fixture
def zendesk() -> Iterator[Account]:
    with account() as opened:
        yield opened


async def test_a_connection_in_order(zendesk: Account) -> None:
    async with zendesk.client() as client:
        findings = await ping(client)
        reached = await identity(client)

    assert [finding.what for finding in findings if not finding.ok] == []
    assert reached == "127.0.0.1"
    assert zendesk.writes() == 0


async def test_missing_rights_are_named(zendesk: Account) -> None:
    zendesk.configure(role="agent")
    async with zendesk.client(scope="read") as client:
        findings = {finding.what: finding.hint or "" for finding in await ping(client) if not finding.ok}
    async with zendesk.client(scope="users:read") as client:
        narrow = {finding.what: finding.hint or "" for finding in await ping(client) if not finding.ok}

    assert len(findings) == 2
    assert "must be an admin" in " ".join(findings.values())
    assert "ask for `read write`" in findings["scopes: read"]
    assert "lacks the scopes read" in narrow["organizations cannot be read"]
    assert "users cannot be read" not in narrow


async def test_a_refused_token_is_one_finding_and_no_error(zendesk: Account) -> None:
    async with zendesk.client() as client:
        zendesk.emulator.expire_tokens()
        findings = await ping(client)
        with pytest.raises(Reauthenticate):
            await identity(client)

    assert [finding.ok for finding in findings] == [False]


async def test_fields_are_created_once(zendesk: Account) -> None:
    async with zendesk.client() as client:
        assert await missing_fields(client, "organization", WANTED) == ["credit_limit", "erp_number"]
        assert await ensure_organization_fields(client, WANTED) == ["credit_limit", "erp_number"]
        assert await ensure_organization_fields(client, WANTED) == []

    assert {row["key"]: row["type"] for row in zendesk.state("organization_fields")} == {
        "erp_number": "text",
        "credit_limit": "decimal",
    }


async def test_fields_are_created_by_admins_only(zendesk: Account) -> None:
    zendesk.configure(role="agent")
    async with zendesk.client() as client:
        with pytest.raises(Forbidden, match="must be an admin"):
            await ensure_organization_fields(client, WANTED)


@pytest.mark.parametrize(
    ("kind", "ours", "written", "theirs"),
    [
        ("decimal", Decimal("10.50"), Decimal("10.50"), "10.5"),
        ("decimal", "10.50", Decimal("10.50"), 10.5),
        ("integer", "7", 7, 7),
        ("text", 7, "7", "7"),
        ("text", Decimal("1E+3"), "1000", "1000"),
        ("text", " x ", "x", "x"),
        ("text", "", None, None),
        ("textarea", None, None, ""),
        ("date", "2018-11-04", "2018-11-04", "2018-11-04T00:00:00+00:00"),
        ("checkbox", True, True, True),
        ("checkbox", False, False, None),
        ("dropdown", "gold", "gold", "gold"),
    ],
)
def test_a_value_is_written_as_its_field_wants_it_and_known_again(
    kind: str, ours: Any, written: Any, theirs: Any
) -> None:
    fields = CustomFields({"key": kind})

    assert fields.encode("key", ours) == written
    assert type(fields.encode("key", ours)) is type(written)
    assert fields.same("key", ours, theirs)
    assert not fields.same("key", ours, "something else" if kind != "checkbox" else not ours)


@pytest.mark.parametrize(
    ("kind", "value"), [("integer", "1.5"), ("decimal", "1,5"), ("decimal", "NaN"), ("checkbox", 3)]
)
def test_a_value_of_another_type_is_refused_without_being_quoted(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match="is n") as error:
        CustomFields({"key": kind}).encode("key", value)

    assert str(value) not in str(error.value)
