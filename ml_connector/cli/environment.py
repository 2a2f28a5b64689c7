"""Addresses that are not ours to configure, but that other libraries read from the environment."""

from __future__ import annotations

import os

from dotenv import dotenv_values

from ml_connector.core.settings import ADDRESSES

_FOREIGN = ("PREFECT_API_URL", "SANDBOX_URL")


def take_over() -> None:
    """Put Prefect's and the sandbox's address into the environment, unless they are there.

    From ``.env``, else from what a running ``up`` wrote. Our own settings read both files themselves.
    """
    known = dotenv_values(ADDRESSES) | dotenv_values(".env")
    for name in _FOREIGN:
        value = known.get(name)
        if value:
            os.environ.setdefault(name, value)
