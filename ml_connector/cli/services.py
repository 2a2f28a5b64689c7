"""The services that `up` starts, one function each; each returns the addresses under which others reach it."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

from prefect.client.orchestration import PrefectClient, get_client

from ml_connector.cli.children import Children
from ml_connector.cli.deployments import create_pool, missing_pools
from ml_connector.core.embedded import Embedded, start_embedded
from ml_connector.core.errors import AbortRun, Misconfigured
from ml_connector.core.settings import ROOT, settings
from ml_connector.core.vault import MasterKeys

WORK_POOL = "ml-connector"
SANDBOX_PORT = 8600
RECEIVER_PORT = 8700
_START_SECONDS = 120.0
Addresses = dict[str, str]


def start_postgres(home: Path) -> Embedded:
    """The embedded server of this folder. Misconfigured if the extra `embedded` is not installed."""
    folder = home / "pg"
    # whoever stood in this list has died without leaving: the server would wait for it in vain
    (folder / ".handle_pids.json").unlink(missing_ok=True)
    try:
        return start_embedded(folder)
    except ModuleNotFoundError:
        raise Misconfigured(
            "the embedded PostgreSQL is not installed: `pip install -e .[embedded]`, or set ML_CONNECTOR_DATABASE_URL "
            "and PREFECT_API_URL to what is running elsewhere"
        ) from None


def prepare_database(embedded: Embedded, database: str, *, fresh: bool) -> Addresses:
    """Our tables in a database of the embedded server."""
    if fresh:
        embedded.drop(database)
    embedded.prepare(database)
    return {
        "ML_CONNECTOR_DATABASE_URL": embedded.uri(database, "mlc_app"),
        "ML_CONNECTOR_OWNER_DATABASE_URL": embedded.uri(database),
    }


def master_key(home: Path) -> Addresses:
    """The master key that is configured, else one of this folder, made when there is none."""
    given = settings()
    if given.master_keys.reveal() or given.master_key_file is not None:
        return {}
    file = home / "master.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(MasterKeys.generate("local") + "\n")
    return {"ML_CONNECTOR_MASTER_KEY_FILE": str(file)}


def start_prefect_server(
    children: Children, embedded: Embedded, database: str, home: Path, port: int, *, fresh: bool
) -> Addresses:
    """Prefect's server and UI on loopback, in a database of the embedded server; nothing is sent to Prefect."""
    if fresh:
        embedded.drop(database)
    embedded.create(database)
    port = free_port(port)
    address = f"http://127.0.0.1:{port}/api"
    children.start(
        "prefect-server",
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        {
            **_prefect_home(home),
            "PREFECT_API_URL": address,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": embedded.uri(database).replace(
                "postgresql://", "postgresql+asyncpg://", 1
            ),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            # else the server copies its UI into site-packages, which may be read-only or another server's
            "PREFECT_UI_STATIC_DIRECTORY": str(home / "prefect-ui"),
        },
    )
    return {"PREFECT_API_URL": address}


def start_sandbox(children: Children) -> Addresses:
    """The vendors, played on loopback. Our hosts check must let their address pass."""
    listener, address = _listen(SANDBOX_PORT)
    command = [sys.executable, "-m", "ml_connector.sandbox", "--fd", str(listener.fileno())]
    children.start("sandbox", command, {}, listener)
    return {"SANDBOX_URL": address, "ML_CONNECTOR_ALLOW_PRIVATE_HOSTS": "true"}


def start_receiver(children: Children, addresses: Addresses) -> Addresses:
    """The receiver on loopback, where the sandbox's webhooks reach it; elsewhere a reverse proxy stands before it."""
    listener, address = _listen(RECEIVER_PORT)
    command = [sys.executable, "-m", "ml_connector.receiver", "--fd", str(listener.fileno())]
    children.start("receiver", command, addresses, listener)
    return {"RECEIVER_URL": address, "ML_CONNECTOR_PUBLIC_URL": settings().public_url or address}


async def start_worker(children: Children, home: Path, addresses: Addresses) -> None:
    """A process worker, which inherits all addresses, as do the flow runs that it starts."""
    async with get_client() as client:
        for pool in await missing_pools(client, [WORK_POOL]):
            await create_pool(client, pool)
    children.start(
        "worker",
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process"],
        {
            **addresses,
            **_prefect_home(home),
            "ML_CONNECTOR_CHECKOUT": str(ROOT),
            "PREFECT_WORKER_QUERY_SECONDS": "1",  # a run that is asked for begins at once
        },
    )


async def prefect_answers(address: str) -> bool:
    async with PrefectClient(address) as client:
        return await client.api_healthcheck() is None


async def worker_is_online() -> bool:
    async with get_client() as client:
        if await missing_pools(client, [WORK_POOL]):
            return False
        workers = await client.read_workers_for_work_pool(WORK_POOL)
    return any(worker.status.value == "ONLINE" for worker in workers)


async def answers(address: str) -> bool:
    """Whether somebody answers at a loopback address: the socket that we handed on takes connections before it does."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
            with closing(writer):
                writer.write(b"HEAD /healthz HTTP/1.0\r\n\r\n")
                return await reader.read(1) != b""
    return False


async def until(children: Children, name: str, ready: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a service. AbortRun if one of our processes dies meanwhile, or after two minutes."""
    deadline = time.monotonic() + _START_SECONDS
    while not await ready():
        children.check()
        if time.monotonic() > deadline:
            raise AbortRun(f"the {name} did not answer within {_START_SECONDS:.0f} s; its log is {children.log(name)}")
        await asyncio.sleep(0.2)


def free_port(wanted: int) -> int:
    """``wanted``, or any free loopback port if that is 0 or somebody has it, for who takes it himself a while later.

    Not one that the kernel would meanwhile give to others, be it for a connection: Linux begins at 32768.
    """
    for port in (wanted, *random.sample(range(10_000, 32_768), 100)):
        with suppress(OSError):
            if port:
                socket.create_server(("127.0.0.1", port)).close()
                return port
    raise Misconfigured("this machine has no free port left")


def _listen(wanted: int) -> tuple[socket.socket, str]:
    """A listening socket and its address: on loopback port ``wanted``, or on any free one if somebody has it.

    It is handed on as it is: of two who look for a free port before they take it, one dies.
    """
    for port in (wanted, 0):
        with suppress(OSError):
            listener = socket.create_server(("127.0.0.1", port), backlog=2048)
            return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"
    raise Misconfigured("this machine has no free port left")


def _prefect_home(home: Path) -> Addresses:
    """Apart from the person's own ~/.prefect, whose profile must not be switched, and from /tmp/runner_storage, which
    the first user of a machine who runs a worker takes from all others."""
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    return {"PREFECT_HOME": str(home / "prefect"), "TMPDIR": str(temporary)}
