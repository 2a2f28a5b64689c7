"""Everything that the connector needs on one machine: PostgreSQL, Prefect server, receiver, worker, sandbox."""

from __future__ import annotations

import fcntl
import os
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from prefect.settings import PREFECT_API_URL, temporary_settings

from ml_connector.cli import console, services
from ml_connector.cli.children import Children, end, left_over
from ml_connector.cli.services import Addresses, until
from ml_connector.core.embedded import Embedded
from ml_connector.core.errors import Misconfigured
from ml_connector.core.settings import ADDRESSES, HOME, settings


@dataclass(slots=True, frozen=True)
class Stack:
    """What runs. ``addresses`` are the environment variables by which it is reached."""

    addresses: Mapping[str, str]
    children: Children

    @property
    def ui(self) -> str:
        return self.addresses["PREFECT_API_URL"].removesuffix("/api")

    @property
    def sandbox(self) -> str:
        return self.addresses["SANDBOX_URL"]


@asynccontextmanager
async def running(port: int, *, fresh: bool) -> AsyncIterator[Stack]:
    """Start what is not there already, put the addresses into this process's environment, and stop it all in the end.

    A database in ML_CONNECTOR_DATABASE_URL and a server in PREFECT_API_URL are used instead of ones of our own.
    ``fresh``: databases of its own, emptied, for the demo: its vendors forget everything too. Misconfigured if others
    work for the server that it is given.
    """
    home = HOME.resolve()
    async with AsyncExitStack() as stack:
        stack.enter_context(alone_in(home))
        await end(list(left_over(home)))
        addresses = _given()
        embedded = None
        if not {"ML_CONNECTOR_DATABASE_URL", "PREFECT_API_URL"} <= addresses.keys():
            _say("PostgreSQL")
            embedded = services.start_postgres(home)
            stack.callback(embedded.stop)
        children = Children(home)
        stack.push_async_callback(children.stop)
        await _start(children, embedded, addresses, home, port, fresh=fresh)
        os.environ.update(addresses)
        settings.cache_clear()
        stack.enter_context(temporary_settings({PREFECT_API_URL: addresses["PREFECT_API_URL"]}))
        if fresh and await services.worker_is_online():
            raise Misconfigured(
                f"workers are online at {addresses['PREFECT_API_URL']}: they and the demo's worker would take each "
                "other's runs. Unset PREFECT_API_URL, and the demo starts a server of its own"
            )
        _say("receiver")
        addresses |= services.start_receiver(children, addresses)
        os.environ.update(addresses)
        settings.cache_clear()
        await until(children, "receiver", lambda: services.answers(addresses["RECEIVER_URL"]))
        _say("worker")
        await services.start_worker(children, home, addresses)
        stack.callback(ADDRESSES.unlink, missing_ok=True)
        _write(addresses)
        stack.callback(_say, "stopping")
        yield Stack(addresses, children)


async def _start(
    children: Children, embedded: Embedded | None, addresses: Addresses, home: Path, port: int, *, fresh: bool
) -> None:
    """Start what is not given, and add its addresses."""
    suffix = "_demo" if fresh else ""
    if embedded is not None and "PREFECT_API_URL" not in addresses:
        _say("Prefect server")
        addresses |= services.start_prefect_server(children, embedded, f"prefect{suffix}", home, port, fresh=fresh)
    _say("sandbox")
    addresses |= services.start_sandbox(children)
    if embedded is not None and "ML_CONNECTOR_DATABASE_URL" not in addresses:
        addresses |= services.prepare_database(embedded, f"ml_connector{suffix}", fresh=fresh)
    addresses |= services.master_key(home)
    await until(children, "sandbox", lambda: services.answers(addresses["SANDBOX_URL"]))
    await until(children, "prefect-server", lambda: services.prefect_answers(addresses["PREFECT_API_URL"]))


def _given() -> Addresses:
    """What the environment or ``.env`` names; not what an earlier `up` has left behind."""
    ADDRESSES.unlink(missing_ok=True)
    known = {name: value for name, value in (dotenv_values(".env") | os.environ).items() if value}
    names = ("ML_CONNECTOR_DATABASE_URL", "ML_CONNECTOR_OWNER_DATABASE_URL", "PREFECT_API_URL")
    return {name: known[name] for name in names if name in known}


@contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """Two of us would stop each other's processes."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"`ml-connector up` or `demo` already runs in {home}: stop it first, or set ML_CONNECTOR_HOME to "
                "another folder"
            ) from None
        yield


def _write(addresses: Mapping[str, str]) -> None:
    """For other terminals: our commands read it, and ``set -a; . .ml-connector/env`` tells others."""
    ADDRESSES.touch(mode=0o600)
    ADDRESSES.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in addresses.items()))


def _say(what: str) -> None:
    console.err.print(f"[dim]... {what}[/]")
