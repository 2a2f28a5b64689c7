"""Where a worker finds flows, mappings and tenants: the pull step of every deployment."""

from __future__ import annotations

import os

from ml_connector.core.settings import ROOT


def enter() -> dict[str, str]:
    """Make the checkout the working directory: ``ML_CONNECTOR_CHECKOUT``, or the one that this installation is of.

    A Prefect pull step; returns the ``directory`` that Prefect loads the flow from. Raises OSError if it is not there.
    """
    directory = os.environ.get("ML_CONNECTOR_CHECKOUT") or str(ROOT)
    os.chdir(directory)
    return {"directory": directory}
