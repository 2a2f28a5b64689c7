"""Systems whose objects differ per instance: discovered, configured and tried from the command line."""

from __future__ import annotations

from typing import Any

import yaml

from ml_connector.core.settings import settings
from tests.cli.conftest import Command
from tests.installation import Installation


def test_what_discover_prints_can_be_pinged(installed: Installation, command: Command) -> None:
    file = settings().tenants_dir / "acme.yaml"
    tenant = yaml.safe_load(file.read_text())
    origin = installed.sandbox.url
    qad: dict[str, Any] = {
        "system": "qad",
        "origin": f"{origin}/qad/clouderp",
        "auth": {
            "type": "oauth_password",
            "token_url": f"{origin}/qad/clouderp/oauth/token",
            "client_id": "ml-connector",
            "username": "mlc",
        },
    }
    workday = {
        "system": "workday",
        "origin": f"{origin}/workday",
        "tenant": "acme",
        "auth": {"type": "ws_security", "username": "ISU_Zendesk"},
    }
    tenant["connections"] |= {"qad": qad, "workday": workday}
    file.write_text(yaml.safe_dump(tenant))
    for connection in ("qad", "workday"):
        command("secret", "set", f"acme/{connection}", "password", typed="sandbox-password\n")

    proposed = command("discover", "acme/qad")
    assert proposed.exit_code == 0
    assert command("discover", "acme/workday").exit_code == 2
    qad |= yaml.safe_load(proposed.output)
    file.write_text(yaml.safe_dump(tenant))
    shown = command("ping", "acme").output

    assert "entities.customers (urn:browse:mfg:cm300): no rows" in shown
    assert "SOAP Get_Payments Financial_Management v46.1: can be read" in shown
