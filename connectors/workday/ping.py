"""Whether a connection to Workday works, and what its user still lacks."""

from __future__ import annotations

from connectors.workday.client import Workday
from connectors.workday.streams import STREAMS
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding
from ml_connector.core.system import Health


async def ping(client: Workday) -> Health:
    """Ask each stream for one record by its own transport. Never raises a `ConnectorError`: it becomes a finding."""
    findings, reached = [], False
    for name, open_stream in STREAMS.items():
        if name == "PaidInvoice" and client.settings.paid_invoices is None:
            continue
        stream = open_stream(client)
        try:
            clock = await stream.clock()
        except Reauthenticate as error:
            # Not once more with another operation: Workday locks users after failed attempts.
            return Health(None, [Finding(False, f"{client.account} cannot be read", str(error), refused=True)])
        except ConnectorError as error:
            hint = f"{error}. Usually missing: {stream.grant}. If the stream is not needed, switch it off"
            findings.append(Finding(False, f"{stream.operation} cannot be read", hint))
        else:
            reached = True
            findings.append(Finding(True, f"{stream.operation}: can be read, clock {clock:%Y-%m-%d %H:%M:%S} UTC"))
    return Health(client.account if reached else None, findings)
