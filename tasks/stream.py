"""A stream that is being run: where its records come from, how they are mapped, where they go, and how far it is.

Plain ``__slots__`` classes: they are task arguments, and Prefect looks into anything else (see ``core/chunk.py``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from ml_connector.core.db import Database
from ml_connector.core.inbox import Inbox, Pending
from ml_connector.core.ledger import Ledger
from ml_connector.core.mapping import Mapping
from ml_connector.core.planning import Planning
from ml_connector.core.records import Destination, Page, Resend, Source
from ml_connector.core.routing import Routing
from ml_connector.core.runs import Run
from ml_connector.core.selection import Selection


class Route:
    """One stream of an integration as configured: source, mapping, destination."""

    __slots__ = (
        "address",
        "backlinks",
        "delay",
        "destination",
        "key",
        "links",
        "lookback",
        "mapping",
        "name",
        "neighbours",
        "references",
        "routing",
        "source",
        "start_from",
    )

    def __init__(
        self,
        name: str,
        key: str,
        *,
        source: Source,
        mapping: Mapping,
        destination: Destination,
        links: dict[str, str],
        backlinks: dict[str, str],
        lookback: timedelta | None,
        delay: timedelta,
        start_from: datetime | Literal["now"] | None,
        address: Callable[[str], str | None],
        neighbours: Sequence[str] = (),
        references: Sequence[str] = (),
        routing: Routing | None = None,
    ) -> None:
        self.name = name
        self.key = key
        """``integration/stream``: the name of the lease, the watermark, the links."""
        self.source = source
        self.mapping = mapping
        self.destination = destination
        self.links = links
        """Payload field -> key of the stream whose link table turns a source id into the destination's id."""
        self.backlinks = backlinks
        """The same the other way round."""
        self.neighbours = neighbours
        """Keys of the streams by which other integrations link objects of the account that is read."""
        self.references = references
        """Keys of the streams that bring the destination what records of this one may name."""
        self.lookback = lookback
        """None: read everything again."""
        self.delay = delay
        self.start_from = start_from
        self.address = address
        """Destination id -> the page where a person sees the object."""
        self.routing = routing
        """None: nothing is routed, each record has its one place."""

    @property
    def awaited(self) -> list[str]:
        """Keys of the streams whose links a parked record may wait for."""
        return sorted({*self.links.values(), *self.backlinks.values(), *self.neighbours, *self.references})

    def __repr__(self) -> str:
        return f"<Route {self.key}>"


class Stream:
    """A route in a run, with its ledger and the state of its read."""

    __slots__ = (
        "db",
        "heard",
        "inbox",
        "ledger",
        "odd",
        "pages",
        "planning",
        "route",
        "run",
        "selection",
        "settled",
        "tenant",
    )

    def __init__(
        self, route: Route, run: Run, tenant: str, db: Database, planning: Planning, ledger: Ledger, inbox: Inbox
    ) -> None:
        self.route = route
        self.run = run
        self.tenant = tenant
        self.db = db
        self.planning = planning
        self.ledger = ledger
        self.inbox = inbox
        self.heard: Sequence[Pending] = ()
        """The events that are being handled."""
        self.pages: AsyncIterator[Page] | None = None
        """The read that is under way; None before the first chunk and after a failure."""
        self.selection: Selection | None = None
        """What is taken up once more, in a replay."""
        self.odd: list[str] = []
        """Failures that concern single records, which were put off; for the end of the run."""
        self.settled = 0
        """Records of this stream whose fate this process has written down; for the progress artifact."""

    def __repr__(self) -> str:
        return f"<Stream {self.route.key} of {self.tenant}>"


def may_resend(route: Route, selection: Selection) -> bool:
    """Whether a replay sends what may stand at the destination already."""
    if route.destination.resend is Resend.ON_REQUEST:
        return selection.resend
    return route.destination.resend is Resend.FREELY
