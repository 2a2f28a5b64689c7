"""The servers of the bench, and one measurement in them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from ml_connector.cli.children import Children
from ml_connector.cli.services import prefect_answers, start_prefect_server, until
from ml_connector.core.embedded import Embedded, start_embedded
from ml_connector.core.ids import uuid7
from ml_connector.sandbox.serve import sandbox_process
from tests.installation import Installation, Sandbox, installation

Figures = dict[str, Any]

JOB_DELAY = 0.02
"""Seconds that a job of the emulated Zendesk takes: real ones take seconds, and then nothing here would matter."""


class Laboratory:
    """Postgres as it comes, the sandbox, and Prefect's server if it is asked for."""

    def __init__(self, folder: Path, postgres: Embedded, sandbox_url: str, prefect_url: str | None) -> None:
        self._folder = folder
        self._postgres = postgres
        self._sandbox_url = sandbox_url
        self._prefect_url = prefect_url
        self._servers = _servers(postgres)

    def measure(self, contestant: str, customers: int) -> Figures:
        """One contestant, from an empty Zendesk and an empty ledger; what arrives is counted at the destination."""
        database = f"bench_{uuid7().hex[8:24]}"
        self._postgres.create(database, "mlc_template")
        try:
            with installation(self._postgres, database, self._sandbox_url, self._folder / "tenants") as installed:
                _begin(installed, customers)
                calls = _calls(installed)
                before = {name: _cpu(process) for name, process in self._servers.items()}
                figures = self._run(contestant, installed)
                used = {f"{name}_cpu": _cpu(process) - before[name] for name, process in self._servers.items()}
                calls = _calls(installed) - calls
                arrived = len(installed.sandbox.state("zendesk", "organizations"))
                assert arrived == customers, f"{arrived} of {customers} customers arrived"
        finally:
            self._postgres.drop(database)
        return {"contestant": contestant, "customers": customers, **figures, **used, "calls": calls}

    def _run(self, contestant: str, installed: Installation) -> Figures:
        command = [sys.executable, "-m", "bench.contestants", contestant, self._sandbox_url, installed.database_url]
        prefect = {"PREFECT_HOME": str(self._folder / "prefect"), "PREFECT_API_URL": self._prefect_url or ""}
        answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **prefect})
        assert answer.returncode == 0, answer.stderr
        time.sleep(0.5)  # until the ends of our database sessions are in their parent's figures
        figures: Figures = json.loads(answer.stdout.splitlines()[-1])
        return figures


@contextmanager
def laboratory(*, prefect: bool) -> Iterator[Laboratory]:
    """Start the servers; they end with the block."""
    folder = Path(tempfile.mkdtemp(prefix="mlc-bench-"))  # short: a unix socket's path has 107 bytes at most
    children = Children(folder)
    postgres = start_embedded(folder / "pg")
    try:
        postgres.prepare("mlc_template")
        with sandbox_process() as sandbox_url:
            prefect_url = asyncio.run(_start_prefect(children, postgres, folder)) if prefect else None
            yield Laboratory(folder, postgres, sandbox_url, prefect_url)
    finally:
        asyncio.run(children.stop())
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _start_prefect(children: Children, postgres: Embedded, folder: Path) -> str:
    url = start_prefect_server(children, postgres, "prefect", folder, 0, fresh=True)["PREFECT_API_URL"]
    await until(children, "prefect-server", lambda: prefect_answers(url))
    return url


def _begin(installed: Installation, customers: int) -> None:
    sandbox: Sandbox = installed.sandbox
    sandbox.reset()
    sandbox.settings("zendesk", rate_scale=None, job_delay=JOB_DELAY)
    sandbox.seed("oracle_fusion", "customers", customers)
    asyncio.run(installed.prepare())


def _calls(installed: Installation) -> int:
    return sum(row["count"] for row in installed.sandbox.requests())


def _servers(postgres: Embedded) -> dict[str, psutil.Process]:
    """The servers by name: Postgres by the process id that it has written down, the others as our own children."""
    postmaster = int((postgres.folder / "postmaster.pid").read_text().split()[0])
    servers = {"postgres": psutil.Process(postmaster)}
    for child in psutil.Process().children():
        command = " ".join(child.cmdline())
        if "ml_connector.sandbox" in command:
            servers["sandbox"] = child
        elif "prefect server" in command:
            servers["prefect_server"] = child
    return servers


def _cpu(process: psutil.Process) -> float:
    """CPU seconds (user and system) of a process and its children, those that have ended included."""
    total = float(sum(process.cpu_times()[:4]))
    for child in process.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total
