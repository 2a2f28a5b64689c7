"""Every system there is, in one explicit list: how it is configured, what can be read from it and written to it.

The one place of this room that knows all connectors; no connector imports another.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.asana.system import ASANA
from connectors.kept.system import KEPT
from connectors.oracle_fusion.system import ORACLE_FUSION
from connectors.qad.system import QAD
from connectors.slack.system import SLACK
from connectors.workday.system import WORKDAY
from connectors.zendesk.system import ZENDESK
from ml_connector.core.errors import Misconfigured
from ml_connector.core.system import System

_ALL = (ASANA, KEPT, ORACLE_FUSION, QAD, SLACK, WORKDAY, ZENDESK)
SYSTEMS: Mapping[str, System] = {system.name: system for system in _ALL}


def system(name: str) -> System:
    """The system of this name; raises Misconfigured naming those there are."""
    if name not in SYSTEMS:
        raise Misconfigured(f"there is no connector for {name}; there are: {', '.join(sorted(SYSTEMS))}")
    return SYSTEMS[name]
