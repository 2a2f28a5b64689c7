"""Processes of `up`: none outlives it, and one that dies is noticed."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from pathlib import Path

import psutil
import pytest

from ml_connector.cli import children as module
from ml_connector.cli import services
from ml_connector.cli.children import Children, left_over
from ml_connector.cli.stack import alone_in
from ml_connector.core.errors import AbortRun, Misconfigured

# a child in a session of its own, as Prefect starts flow runs; both turn a deaf ear to SIGTERM
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 1:
    subprocess.Popen([sys.executable, __file__, "child"], start_new_session=True)
open(f"{__file__}.{len(sys.argv)}", "w").close()
time.sleep(300)
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> list[str]:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    return [sys.executable, str(tmp_path / "stubborn.py")]


async def test_stop_leaves_no_process_not_even_one_whose_parent_is_gone(
    tmp_path: Path, stubborn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    running = Children(tmp_path)
    running.start("first", stubborn, {})
    _wait_for_both(tmp_path)
    before = list(left_over(tmp_path))
    min(before, key=psutil.Process.create_time).kill()  # its child is nobody's now
    await running.stop()

    assert len(before) == 2
    assert list(left_over(tmp_path)) == []


async def test_a_process_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    running = Children(tmp_path)
    running.start("sandbox", [sys.executable, "-c", "raise SystemExit('no port is free')"], {})
    with pytest.raises(AbortRun, match=r"(?s)the sandbox ended \(exit code 1\).*no port is free"):
        await asyncio.wait_for(running.watch(), 60)
    await running.stop()


def test_a_second_up_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(Misconfigured, match="already runs in"), alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        pass


def _wait_for_both(folder: Path) -> None:
    while not all((folder / f"stubborn.py.{n}").exists() for n in (1, 2)):
        time.sleep(0.02)


async def test_two_who_start_at_the_same_moment_do_not_take_the_same_port(tmp_path: Path) -> None:
    one, other = Children(tmp_path / "one"), Children(tmp_path / "other")
    try:
        addresses = [services.start_sandbox(children)["SANDBOX_URL"] for children in (one, other)]
        for children, address in zip((one, other), addresses, strict=True):
            await services.until(children, "sandbox", functools.partial(services.answers, address))
        assert addresses[0] != addresses[1]
    finally:
        await one.stop()
        await other.stop()
