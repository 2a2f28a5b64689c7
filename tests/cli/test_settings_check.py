"""What a connector does not know is told before anything is asked of a vendor, or of Prefect."""

from __future__ import annotations

import pytest

from ml_connector.core.settings import settings
from tests.cli.conftest import Command
from tests.installation import Installation


def test_apply_refuses_settings_that_a_connector_does_not_know(installed: Installation, command: Command) -> None:
    file = settings().tenants_dir / "acme.yaml"
    file.write_text(file.read_text().replace("exports_per_minute: 1000000", "exports_per_minuet: 10\n    max_jobs: 99"))
    said = command("apply", "--dry-run")

    assert said.exit_code == 2
    assert "acme: connections.zendesk.exports_per_minuet: Extra inputs are not permitted" in said.output
    assert "acme: connections.zendesk.max_jobs: Input should be less than or equal to 30" in said.output
    assert installed.sandbox.requests() == []


@pytest.mark.usefixtures("installed")
def test_a_system_that_there_is_not_is_told_of_although_nothing_uses_it(command: Command) -> None:
    file = settings().tenants_dir / "acme.yaml"
    unused = "connections:\n  crm: {system: salesforce, origin: https://acme.example, auth: {type: bearer}}\n"
    file.write_text(file.read_text().replace("connections:\n", unused))

    for words in (["apply", "--dry-run"], ["map", "check"], ["doctor"]):
        said = command(*words)
        assert said.exit_code in (1, 2)
        assert "acme: connections.crm.system: there is no connector for salesforce; there are: asana, " in said.output
