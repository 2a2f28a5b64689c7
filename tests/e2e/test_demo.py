"""``make demo ONCE=1``: all that is counted is counted at the emulator, and nothing is left running."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ml_connector.cli.children import left_over

PROVIDED = ("ML_CONNECTOR_", "PREFECT_", "SANDBOX_")


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
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    summary = json.loads((home / "demo-summary.json").read_text())
    first, second, *_, documents, acknowledged = (act["seen"] for act in summary["acts"])
    assert summary["ok"]
    assert first["zendesk organization.created"] == 200
    assert first["zendesk user.created"] == 250
    assert second == {"zendesk organization.updated": 7}
    assert documents.keys() == {f"slack message.posted in #{one}" for one in ("procurement", "finance", "operations")}
    assert acknowledged == {"slack message.posted in #operations": 3}
    assert list(left_over(home)) == []
    assert not (home / "pg" / "postmaster.pid").exists()
    assert not (home / "env").exists()
    shutil.rmtree(home)
