"""``make demo ONCE=1``: all that is counted is counted at the emulator, and nothing is left running."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ml_connector.cli.children import left_over

PROVIDED = ("ML_CONNECTOR_", "PREFECT_", "SANDBOX_")


@pytest.mark.timeout(600)
def test_the_demo_moves_what_it_says_and_leaves_nothing_behind() -> None:
    home = Path(tempfile.mkdtemp(prefix="mlc-demo-"))  # short: a unix socket's path has 107 bytes at most
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PROVIDED)}
    command = [sys.executable, "-c", "from ml_connector.cli.main import app; app()", "demo", "--once", "--port", "0"]
    done = subprocess.run(
        command,
        env={**environment, "ML_CONNECTOR_HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=570,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    summary = json.loads((home / "demo-summary.json").read_text())
    seen = {act["title"]: act["seen"] for act in summary["acts"]}
    assert summary["ok"]
    assert seen["all customers and contacts"]["zendesk organization.created"] == 200
    assert seen["all customers and contacts"]["zendesk user.created"] == 250
    assert seen["7 customers changed in Oracle"] == {"zendesk organization.updated": 7}
    assert seen["customers of QAD"]["zendesk organization.created"] == 40
    assert seen["6 tickets that concern QAD"] == {"zendesk ticket.updated": 6}
    assert seen["suppliers of Workday"]["zendesk organization.created"] == 27
    assert seen["6 tickets that concern Workday"] == {"zendesk ticket.updated": 6}
    channels = {f"slack message.posted in #{one}" for one in ("procurement", "finance", "operations")}
    assert seen["invoices, holds, journals"].keys() == channels
    assert seen["orders are acknowledged"] == {"slack message.posted in #operations": 3}
    assert seen["costs stand on tasks"]["asana task.created"] == 43
    assert seen["8 tasks are completed"] == {"oracle_fusion journal_batch": 8}
    assert list(left_over(home)) == []
    assert not (home / "pg" / "postmaster.pid").exists()
    assert not (home / "env").exists()
    shutil.rmtree(home)
