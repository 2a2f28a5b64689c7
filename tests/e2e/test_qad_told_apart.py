"""What a QAD instance says with 200 and no rows, and what becomes of it: `apply` and the run tell what to change."""

from __future__ import annotations

from typing import Any, cast

import pytest
import yaml
from prefect.client.orchestration import PrefectClient

from ml_connector.cli.apply import carry_out_all
from ml_connector.core.settings import settings
from ml_connector.core.tenants import load_tenant
from tests.e2e.erp_qad import Qad
from tests.installation import Installation

CUSTOMERS = 8


@pytest.fixture
async def qad(installed: Installation) -> Qad:
    erp = Qad(installed)
    await erp.prepare(CUSTOMERS)
    return erp


def configure(**entities: Any) -> None:
    """Lay settings over those of the tenant's entities."""
    file = settings().tenants_dir / "acme.yaml"
    tenant = yaml.safe_load(file.read_text())
    for name, change in entities.items():
        tenant["connections"]["qad"]["entities"][name] |= change
    file.write_text(yaml.safe_dump(tenant))


async def applied() -> int:
    """The exit code of ``apply`` in front of Prefect, of which nothing is asked."""
    config = load_tenant(settings().tenants_dir / "acme.yaml")
    return await carry_out_all(cast(PrefectClient, None), [config], [], [])


async def test_zero_rows_are_an_answer_only_where_there_may_be_none(qad: Qad) -> None:
    assert (await qad.sync()).is_completed()
    writes = qad.sandbox.writes()
    configure(customers={"filters": ["debtor.DebtorCode,eq,nobody,literal"]})
    assert (await qad.sync()).is_completed()  # nothing has changed of what can be seen
    no_customers = await qad.sync(mode="full")
    assert "correct workspace, or entities.customers.filters" in str(no_customers.message)

    configure(customers={"filters": []}, contacts={"filters": ["contact.ContactID,eq,nobody,literal"]})
    no_contacts = await qad.sync()
    assert "qad_zendesk/users: the source had no records at all, though it had before" in str(no_contacts.message)
    configure(contacts={"filters": []})
    assert (await qad.sync()).is_completed()
    assert qad.sandbox.writes() == writes  # what could not be seen was not taken for deleted
    assert qad.wrong() == []


async def test_apply_names_what_the_instance_does_not_have(qad: Qad, capsys: pytest.CaptureFixture[str]) -> None:
    assert await applied() == 0
    qad.sandbox.settings("qad", rename_column=["urn:browse:mfg:cm803", "contact.ContactEMail", "contact.Email"])
    qad.sandbox.settings("qad", rename_browse=["urn:browse:mfg:so803", "urn:browse:mfg:xx803"])
    assert await applied() == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "cm803 has no contact.ContactEMail: correct entities.contacts in the tenant file" in said
    assert "does not know urn:browse:mfg:so803: correct entities.orders.browse" in said
