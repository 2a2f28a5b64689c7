"""What a connector does not know is told before anything is asked of a vendor, or of Prefect."""

from __future__ import annotations

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
