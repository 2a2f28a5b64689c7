"""The journeys that the crash harness kills."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml_connector.core.embedded import Embedded
from tests.crash.customers import Customers, journey
from tests.crash.harness import Harness
from tests.installation import installation


@contextmanager
def harness(postgres: Embedded, sandbox_url: str, folder: Path, database: str = "crash") -> Iterator[Harness]:
    """The harness around the flow of Oracle Fusion and Zendesk."""
    postgres.prepare(database)
    with installation(postgres, database, sandbox_url, folder, settle=0.1, lease=20) as installed:
        made = Harness(installed, postgres, database, journey(installed), Customers(installed.sandbox))
        try:
            yield made
        finally:
            made.close()
