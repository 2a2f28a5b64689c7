"""``ml-connector apply`` against a real Prefect server, as a person types it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from ml_connector.cli.main import app
from tests.e2e.stack import FLOW, Stack

SLUG = "every-600-s"


def test_apply_brings_prefect_in_step_with_the_files_and_leaves_it_alone_when_it_is(stack: Stack) -> None:
    stack.tenant("applied")
    file = stack.home / "tenants" / "applied.yaml"
    assert "0 of" in _apply(stack)

    # somebody switches a schedule off in the UI: it stays off, and gets back the parameters that Prefect then forgets
    entry = _schedules(stack)[SLUG]
    stack.api.patch(f"/deployments/{_deployment(stack)['id']}/schedules/{entry['id']}", json={"active": False})
    assert _schedules(stack)[SLUG]["parameters"] == {}
    assert "1 of" in _apply(stack)
    assert "0 of" in _apply(stack)
    assert not _schedules(stack)[SLUG]["active"]

    _change(file, "users: {delay: 0s}", "users: {delay: 0s, cron: 0 2 * * *}")
    planned = _apply(stack, "--dry-run")
    assert "differs in schedules" in planned
    assert _schedules(stack)[SLUG]["parameters"] == {"streams": ["organizations", "users"]}
    assert "1 of" in _apply(stack)
    found = _schedules(stack)
    assert {slug: one["parameters"]["streams"] for slug, one in found.items()} == {
        SLUG: ["organizations"],
        "cron-0-2-any-any-any": ["users"],
        "every-3600-s": ["receivables", "supplier_orders"],
        "full-every-86400-s": ["organizations", "users"],
    }
    assert (found[SLUG]["active"], found["cron-0-2-any-any-any"]["active"]) == (False, True)
    assert _deployment(stack)["paused"]  # as the stack made it

    # the vendor refuses us: the deployment is left as it is, and the exit code says so
    _change(file, "client_id: ml-connector\n      scope: read write", "client_id: nobody\n      scope: read write")
    _change(file, "users: {delay: 0s, cron: 0 2 * * *}", "users: {delay: 0s}")
    stack.sandbox.reset()  # and with it the tokens
    assert "its deployments were left as they are" in _apply(stack, code=1)
    assert "cron-0-2-any-any-any" in _schedules(stack)

    file.unlink()
    assert f"{FLOW}/applied" in _apply(stack)
    assert stack.api.get(f"/deployments/name/{FLOW}/applied").status_code == 404


def _apply(stack: Stack, *options: str, code: int = 0) -> str:
    with stack.surroundings():
        done = CliRunner().invoke(app, ["apply", *options])
    assert done.exit_code == code, done.output
    return done.output


def _deployment(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = stack.api.get(f"/deployments/name/{FLOW}/applied").raise_for_status().json()
    return found


def _schedules(stack: Stack) -> dict[str, dict[str, Any]]:
    return {entry["slug"]: entry for entry in _deployment(stack)["schedules"]}


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
