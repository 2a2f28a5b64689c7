"""Whether a connection to Workday works, and what its user still lacks."""

from __future__ import annotations

from connectors.workday.client import Workday
from connectors.workday.settings import SoapRead
from connectors.workday.soap_reads import payment_terms
from connectors.workday.streams import STREAMS, Stream
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding
from ml_connector.core.system import Health


async def ping(client: Workday) -> Health:
    """Ask each stream for one record by its own transport. Never raises a `ConnectorError`: it becomes a finding."""
    findings, reached = [], False
    for stream in _streams(client):
        try:
            clock = await stream.clock()
        except Reauthenticate as error:
            # Not once more with another operation: Workday locks users after failed attempts.
            return Health(None, [Finding(False, f"{client.account} cannot be read", str(error), refused=True)])
        except ConnectorError as error:
            hint = f"{error}. Usually missing: {stream.grant}. If it is not needed, switch its stream off"
            findings.append(Finding(False, f"{stream.operation} cannot be read", hint))
        else:
            reached = True
            findings.append(Finding(True, f"{stream.operation}: can be read, clock {clock:%Y-%m-%d %H:%M:%S} UTC"))
    return Health(client.account if reached else None, findings)


def _streams(client: Workday) -> list[Stream]:
    """Those of the settings; by payment terms invoices are due that are read by SOAP."""
    settings = client.settings
    names = [name for name in STREAMS if name != "PaidInvoice" or settings.paid_invoices is not None]
    streams = [STREAMS[name](client) for name in names]
    if isinstance(read := settings.supplier_invoices, SoapRead):
        streams.append(payment_terms(client, SoapRead(version=read.version)))
    return streams
