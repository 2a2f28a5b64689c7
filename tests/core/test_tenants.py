"""A tenant's file either becomes a configuration that fits together, or is refused with what to do about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_connector.core.errors import Misconfigured
from ml_connector.core.tenants import INTEGRATIONS, load_tenant, load_tenants, stagger, without_sandbox

ROOT = Path(__file__).resolve().parents[2]

DEFAULTS = """
integrations:
  oracle_zendesk:
    streams:
      organizations: {every: 10m, lookback: 20m}
      credit_profiles: {every: 1h, enabled: false}
  another_pair: {streams: {things: {every: 1h}}}
"""
ACME = """
tenant: acme
connections:
  oracle:
    system: oracle_fusion
    origin: https://acme.fa.us2.oraclecloud.com
    page_size: 200
    auth: {type: basic, username: MLC, secret: password}
  zendesk:
    system: zendesk
    origin: https://acme.zendesk.com
    auth: {type: oauth_client_credentials, token_url: "https://acme.zendesk.com/oauth/tokens", client_id: mlc}
integrations:
  oracle_zendesk:
    source: oracle
    destination: zendesk
    streams:
      organizations:
        start_from: 2026-11-01
        mapping: {fields: {name: UniqueNameAlias, phone: null}, when: "Status == 'A'"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "defaults.yaml").write_text(DEFAULTS)
    (tmp_path / "acme.yaml").write_text(ACME)
    return tmp_path


def refusal(folder: Path, old: str, new: str) -> str:
    """What is said about the file with ``old`` replaced by ``new``."""
    assert old in ACME
    (folder / "acme.yaml").write_text(ACME.replace(old, new, 1))
    with pytest.raises(Misconfigured) as caught:
        load_tenants(folder)
    assert "acme.yaml: " in str(caught.value)
    return str(caught.value)


def test_a_tenant_is_its_file_over_the_defaults_of_the_integrations_it_names(folder: Path) -> None:
    acme = load_tenant(folder / "acme.yaml")
    integration = acme.integrations["oracle_zendesk"]
    organizations = integration.streams["organizations"]

    assert list(acme.integrations) == ["oracle_zendesk"]
    assert acme.connections["oracle"].settings == {"origin": "https://acme.fa.us2.oraclecloud.com", "page_size": 200}
    assert (organizations.every, organizations.lookback) == (timedelta(minutes=10), timedelta(minutes=20))
    assert organizations.start_from == datetime(2026, 11, 1, tzinfo=UTC)
    assert organizations.mapping.fields["phone"] is None
    assert not integration.streams["credit_profiles"].enabled


def test_a_schedule_of_one_kind_replaces_a_default_of_the_other(folder: Path) -> None:
    (folder / "acme.yaml").write_text(ACME.replace("start_from: 2026-11-01", "cron: 0 2 * * *"))

    organizations = load_tenant(folder / "acme.yaml").integrations["oracle_zendesk"].streams["organizations"]

    assert (organizations.every, organizations.cron) == (None, "0 2 * * *")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("tenant: acme", "tenant: Acme Inc", "tenant: String should match pattern"),
        ("tenant: acme", "tenant: other", "tenant: it is other, but the file is named acme.yaml"),
        ("source: oracle", "source: orakle", "oracle_zendesk.source: there is no connection orakle. There are: oracle"),
        ("source: oracle", "source: zendesk", "source: zendesk is a connection to zendesk. Name one to oracle_fusion"),
        ("oracle_zendesk:", "orakle_zendesk:", "integrations.orakle_zendesk: there is no such integration"),
        ("organizations:", "organisations: {every: 1h}\n      organizations:", "streams.organisations: no such stream"),
        ("organizations:", "organisations:", "streams.organisations: no such stream. There are: organizations"),
        ("start_from: 2026-11-01", "every: 10", "streams.organizations.every: write a whole number and a unit"),
        ("start_from: 2026-11-01", "every: 5s", "streams.organizations.every: "),
        ("start_from: 2026-11-01", "every: 1h\n        cron: 0 2 * * *", "give it either every (10m) or cron"),
        ("start_from: 2026-11-01", "cron: nightly", "streams.organizations.cron: "),
        ("start_from: 2026-11-01", "start_from: yesterday", "write a day as 2026-11-21"),
        ("start_from:", "starts_from:", "organizations.starts_from: there is no such setting"),
        ("mapping: {fields", "mapping: {felds", "organizations.mapping.felds: there is no such setting"),
        ("client_id: mlc", "", "client_id: is missing. Add it"),
        ("type: basic, ", "", "connections.oracle.auth: its type is missing"),
        ("type: basic, ", "type: hunter2, ", "connections.oracle.auth: its type is not known. It is one of 'basic'"),
        ("https://acme.zendesk.com\n", "${NOT_SET_ANYWHERE}\n", "environment variable NOT_SET_ANYWHERE is not set"),
        ("https://acme.zendesk.com\n", "${ML_CONNECTOR_MASTER_KEYS}\n", "looks like a secret"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place_and_remedy(folder: Path, old: str, new: str, expected: str) -> None:
    found = refusal(folder, old, new)

    assert expected in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "line",
    [
        "client_secret: hunter2",
        "password: hunter2",
        "api_token: hunter2",
        "api-key: hunter2",
        "secret: hunter2",
        "private_key: hunter2",
        "webhook_secret: [hunter2]",
        "access_token: {value: hunter2}",
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_repeated(folder: Path, line: str) -> None:
    name = line.partition(":")[0]

    found = refusal(folder, "    page_size: 200", f"    {line}")

    assert "hunter2" not in found
    assert f"connections.oracle.{name}" in found
    assert f"ml-connector secret set acme/oracle {name}" in found


def test_a_password_inside_an_address_is_refused(folder: Path) -> None:
    found = refusal(folder, "https://acme.zendesk.com\n", "https://mlc:hunter2@acme.zendesk.com\n")

    assert "connections.zendesk.origin" in found
    assert "hunter2" not in found


def test_a_mistake_in_the_defaults_is_reported_there(folder: Path) -> None:
    (folder / "defaults.yaml").write_text(DEFAULTS.replace("lookback: 20m", "lookback: 20"))

    with pytest.raises(Misconfigured, match=r"defaults\.yaml: integrations\.oracle_zendesk\.streams\.organizations\.l"):
        load_tenants(folder)


@pytest.mark.parametrize(
    ("prefixes", "clashing"),
    [
        ((None, None), ["acme", "beta"]),
        (("a-", None, "c-"), ["beta"]),
        (("a-", "b-", "a-"), ["acme", "coop"]),
        (("a-", "b-", "c-"), []),
    ],
)
def test_integrations_may_share_a_zendesk_account_only_with_different_prefixes(
    folder: Path, prefixes: tuple[str | None, ...], clashing: list[str]
) -> None:
    origins = ("https://acme.zendesk.com", "https://ACME.zendesk.com/", "https://acme.zendesk.com")
    for name, origin, prefix in zip(("acme", "beta", "coop"), origins, prefixes, strict=False):
        settings = f"origin: {origin}" + (f"\n    external_id_prefix: {prefix}" if prefix else "")
        text = ACME.replace("tenant: acme", f"tenant: {name}").replace("origin: https://acme.zendesk.com", settings)
        (folder / f"{name}.yaml").write_text(text)

    if not clashing:
        assert [tenant.tenant for tenant in load_tenants(folder)] == ["acme", "beta", "coop"]
        return
    named = " and ".join(f"{name}/oracle_zendesk" for name in clashing)
    with pytest.raises(Misconfigured, match=f"^{named}: others write organizations into "):
        load_tenants(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("source: oracle\n", "source: oracle\n    enabled: false\n"),
        ("organizations:\n", "organizations:\n        enabled: false\n"),
    ],
)
def test_who_writes_no_organizations_claims_no_ids(folder: Path, old: str, new: str) -> None:
    (folder / "beta.yaml").write_text(ACME.replace("tenant: acme", "tenant: beta").replace(old, new))

    assert len(load_tenants(folder)) == 2


def test_tenants_of_one_interval_begin_at_different_and_lasting_moments_of_it() -> None:
    every = timedelta(minutes=10)

    anchors = {stagger(f"tenant-{number}", every) for number in range(100)}

    assert len(anchors) > 80
    assert max(anchors) - min(anchors) < every
    assert stagger("acme", every) == datetime(2026, 1, 1, 0, 1, 12, tzinfo=UTC)


def test_the_shipped_tenant_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:8600")

    demo: Any = load_tenants(ROOT / "tenants")[0]

    assert demo.tenant == "demo"
    assert demo.connections["zendesk"].settings["origin"] == "http://127.0.0.1:8600/zendesk"
    streams = demo.integrations["oracle_zendesk"].streams
    switched_off = {name for name, stream in streams.items() if not stream.enabled}
    assert switched_off == {"ticket_attachments", "ticket_fields", "contact_drift"}
    assert demo.integrations.keys() == INTEGRATIONS.keys()


def test_where_no_sandbox_runs_a_tenant_counts_unless_the_sandbox_plays_all_its_vendors(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = re.sub(r"https://[a-z0-9.]+", "${SANDBOX_URL}", ACME)
    (folder / "beta.yaml").write_text(played.replace("tenant: acme", "tenant: beta"))
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:8600")
    both = [tenant.tenant for tenant in load_tenants(folder)]
    monkeypatch.delenv("SANDBOX_URL")
    alone = [tenant.tenant for tenant in load_tenants(folder)]

    assert (both, alone, without_sandbox(folder)) == (["acme", "beta"], ["acme"], ["beta"])
    assert "variable SANDBOX_URL is not set" in refusal(folder, "https://acme.zendesk.com", "${SANDBOX_URL}")


def test_a_folder_that_is_not_there_is_not_one_without_tenants(tmp_path: Path) -> None:
    """Else a slip of the pen in its name would have `apply` take everything down."""
    assert load_tenants(tmp_path) == []
    with pytest.raises(Misconfigured, match="nowhere is no folder"):
        load_tenants(tmp_path / "nowhere")
