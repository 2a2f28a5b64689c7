"""Every system there is, in one explicit list: how it is configured, what can be read from it and written to it.

The one place of this room that knows all connectors; no connector imports another.
"""

from __future__ import annotations

from functools import cache

from ml_connector.core.errors import Misconfigured
from ml_connector.core.system import System

NAMES = ("asana", "kept", "oracle_fusion", "qad", "slack", "workday", "zendesk")


@cache
def system(name: str) -> System:
    """The system of this name; raises Misconfigured naming those there are."""
    # imported when asked for: each flow run is a process of its own, and needs two of them
    match name:
        case "asana":
            from connectors.asana.system import ASANA

            return ASANA
        case "kept":
            from connectors.kept.system import KEPT

            return KEPT
        case "oracle_fusion":
            from connectors.oracle_fusion.system import ORACLE_FUSION

            return ORACLE_FUSION
        case "qad":
            from connectors.qad.system import QAD

            return QAD
        case "slack":
            from connectors.slack.system import SLACK

            return SLACK
        case "workday":
            from connectors.workday.system import WORKDAY

            return WORKDAY
        case "zendesk":
            from connectors.zendesk.system import ZENDESK

            return ZENDESK
    raise Misconfigured(f"there is no connector for {name}; there are: {', '.join(NAMES)}")
