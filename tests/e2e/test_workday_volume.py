"""Many suppliers with many invoices, counted at the emulated Zendesk, and the memory that they take.

``E2E_SUPPLIERS=100000 pytest -m slow -s`` streams so many; a process of its own shows its memory.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ml_connector.core.embedded import Embedded
from tests.e2e.child import sync_in_child
from tests.e2e.erp_workday import Workday
from tests.installation import Installation, Sandbox, installation

SUPPLIERS = int(os.environ.get("E2E_SUPPLIERS", "100000"))


@pytest.mark.slow
async def test_a_second_read_of_all_costs_no_call_for_what_is_unchanged(installed: Installation) -> None:
    erp, sandbox = Workday(installed, page_size=999), installed.sandbox
    await erp.prepare(5_000)
    sandbox.seed("workday", "supplier_invoices", 10_000)
    seconds, calls = [], [_calls(sandbox)]
    for _ in range(2):
        begun = time.monotonic()
        state = await erp.sync(mode="full")
        assert state.is_completed(), state.message
        seconds.append(time.monotonic() - begun)
        calls.append(_calls(sandbox))
    first, second = calls[1] - calls[0], calls[2] - calls[1]
    print(
        f"5,000 suppliers, 20,000 invoices: {seconds[0]:.0f} s and {first} calls of Zendesk, "
        f"then {seconds[1]:.0f} s and {second}"
    )

    assert erp.wrong() == []
    assert second < 10  # what fields there are is asked for once a stream


def _calls(sandbox: Sandbox) -> int:
    """Of Zendesk, tokens aside, whether they read or write."""
    rows = [row for row in sandbox.requests() if row["system"] == "zendesk" and "oauth" not in row["route"]]
    return sum(row["count"] for row in rows)


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_suppliers(postgres: Embedded, sandbox_url: str, tmp_path: Path) -> None:
    peaks = []
    for suppliers in (SUPPLIERS // 5, SUPPLIERS):
        name = f"suppliers_{suppliers}"
        postgres.create(name, "mlc_template")
        with installation(postgres, name, sandbox_url, tmp_path / name) as installed:
            installed.sandbox.reset()
            installed.sandbox.settings("zendesk", job_delay=0.01, rate_scale=None)
            erp = Workday(installed, page_size=999)
            await erp.tenant.prepare(["organizations"])
            installed.sandbox.seed("workday", "suppliers", suppliers)
            begun = time.monotonic()
            ended = sync_in_child("run-1", streams=["organizations"], flow="workday_zendesk:sync_suppliers")
            seconds = time.monotonic() - begun
            assert ended.completed, ended.message
            assert erp.wrong() == []
            peaks.append(ended.peak_mib)
            print(f"{suppliers} suppliers: {suppliers / seconds:.0f} a second, peak {ended.peak_mib:.0f} MiB")

    assert peaks[1] - peaks[0] < 60
