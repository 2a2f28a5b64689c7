"""The parts of an installation as processes of their own, each of which may be killed and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import psycopg

from ml_connector.cli.children import MARK, left_over
from ml_connector.cli.services import free_port
from ml_connector.core.vault import MasterKeys
from ml_connector.sandbox.serve import sandbox_process
from tests.e2e.stack import LEASE_SECONDS, Stack, clean_environment, until

PARTS = ("receiver", "prefect-server", "worker", "postgres")
_POSTGRES = """
import json, sys, time
from pathlib import Path
from ml_connector.core.embedded import start_embedded
folder = Path(sys.argv[1])
(folder / ".handle_pids.json").unlink(missing_ok=True)
server = start_embedded(folder)
server.create("prefect")
server.prepare("ml_connector")
addresses = server.uri("prefect"), server.uri("ml_connector", "mlc_app"), server.uri("ml_connector")
print(json.dumps(addresses), flush=True)
time.sleep(1e6)
"""


class Machine:
    """PostgreSQL, Prefect server, receiver and worker. ``stack`` is what tenants and runs are made with."""

    def __init__(self, home: Path, sandbox_url: str) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {name: free_port(0) for name in ("prefect-server", "receiver")}
        (home / "tmp").mkdir()
        prefect, own, owner = self._start_postgres()
        self._maintenance = owner.replace("/ml_connector?", "/postgres?")
        api = f"http://127.0.0.1:{self._ports['prefect-server']}/api"
        self.environment = {
            "ML_CONNECTOR_HOME": str(home),
            "ML_CONNECTOR_TENANTS_DIR": str(home / "tenants"),
            "ML_CONNECTOR_MASTER_KEYS": MasterKeys.generate("test"),
            "ML_CONNECTOR_LEASE_SECONDS": str(LEASE_SECONDS),
            "ML_CONNECTOR_ALLOW_PRIVATE_HOSTS": "true",
            "ML_CONNECTOR_DATABASE_URL": own,
            "ML_CONNECTOR_OWNER_DATABASE_URL": owner,
            "ML_CONNECTOR_PUBLIC_URL": f"http://127.0.0.1:{self._ports['receiver']}",
            "SANDBOX_URL": sandbox_url,
            "PREFECT_API_URL": api,
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": prefect.replace("postgresql://", "postgresql+asyncpg://", 1),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_UI_STATIC_DIRECTORY": str(home / "ui"),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "ML_CONNECTOR_CHECKOUT": str(Path(__file__).resolve().parents[2]),
            "DO_NOT_TRACK": "1",
            "TMPDIR": str(home / "tmp"),
        }
        self.stack = Stack(home, self.environment)
        for part in ("prefect-server", "receiver", "worker"):
            self.start(part)
        self.wait_for_pool()

    def wait_for_pool(self) -> None:
        """The worker makes its pool when there is none."""
        pool = f"{self.environment['PREFECT_API_URL']}/work_pools/ml-connector"
        until(lambda: _answers(pool), 60, "the worker to make its pool")

    def start(self, part: str) -> None:
        """Start a part, and wait until it answers (the worker begins when it can)."""
        if part == "postgres":
            self._start_postgres()
            return
        port = str(self._ports.get(part, 0))
        prefect = [sys.executable, "-m", "prefect"]
        command = {
            "prefect-server": [*prefect, "server", "start", "--host", "127.0.0.1", "--port", port],
            "receiver": [sys.executable, "-m", "ml_connector.receiver", "--port", port],
            "worker": [*prefect, "worker", "start", "--pool", "ml-connector", "--type", "process"],
        }[part]
        self._spawn(part, command)
        health = {
            "prefect-server": f"http://127.0.0.1:{port}/api/health",
            "receiver": f"http://127.0.0.1:{port}/healthz",
        }
        if part in health:
            until(lambda: _answers(health[part]), 60, f"the {part}")

    def kill(self, part: str) -> None:
        """``kill -9``, of all that a part has started as well."""
        process = self.processes[part]
        victims = [process.pid]
        with suppress(psutil.Error):
            victims += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        if part == "postgres":
            victims.append(int((self.home / "pg" / "postmaster.pid").read_text().split()[0]))
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)

    def lose_prefects_database(self) -> None:
        """It is dropped, and an empty one is there; for when no Prefect server runs."""
        with psycopg.connect(self._maintenance, autocommit=True) as db:
            db.execute("drop database prefect with (force)")
            db.execute("create database prefect")

    def stop(self) -> None:
        for part in reversed(list(self.processes)):
            with suppress(OSError):
                self.kill(part)
        for process in left_over(self.home):
            with suppress(psutil.Error):
                process.kill()

    def _start_postgres(self) -> tuple[str, str, str]:
        """A server that was killed leaves its children behind for a moment, and the next one waits for them."""

        def try_once() -> tuple[str, str, str] | None:
            process = self._spawn("postgres", [sys.executable, "-c", _POSTGRES, str(self.home / "pg")])
            assert process.stdout is not None
            line = process.stdout.readline()
            return tuple(json.loads(line)) if line else None

        return until(try_once, 60, "PostgreSQL", every=0.5)

    def _spawn(self, part: str, command: list[str]) -> subprocess.Popen[bytes]:
        environment = clean_environment() | getattr(self, "environment", {}) | {MARK: str(self.home)}
        with (self.home / f"{part}.log").open("ab") as log:
            self.processes[part] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if part == "postgres" else log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        return self.processes[part]


@contextmanager
def machine() -> Iterator[Machine]:
    """All parts, running; none is left in the end."""
    home = Path(tempfile.mkdtemp(prefix="mlc-m-"))  # short: a unix socket's path has 107 bytes at most
    with sandbox_process() as url:
        made = Machine(home, url)
        try:
            yield made
        finally:
            made.stop()
            if "E2E_KEEP" not in os.environ:
                shutil.rmtree(home, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
