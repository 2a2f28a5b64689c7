"""What the receiver counts, for Prometheus. No tenant is named: their number is not bounded, their names are theirs."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """The figures of one receiver process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "ml_connector_deliveries", "Requests of vendors by what became of them", ["outcome"], registry=self.registry
        )
        self.seconds = Histogram(
            "ml_connector_delivery_seconds",
            "From the last byte of a delivery to its answer",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=self.registry,
        )
        self.callbacks = Counter(
            "ml_connector_oauth_callbacks",
            "People who came back from connecting an account, by outcome",
            ["outcome"],
            registry=self.registry,
        )
        self.slow = Counter("ml_connector_slow_senders", "Connections that were cut off", registry=self.registry)
        self.rings = Counter(
            "ml_connector_rings", "Flow runs asked of Prefect, by what came of it", ["outcome"], registry=self.registry
        )
        self.pending = Gauge("ml_connector_inbox_pending", "Events that are due", registry=self.registry)
        self.oldest = Gauge("ml_connector_inbox_oldest_seconds", "Age of the oldest of them", registry=self.registry)

    def text(self) -> bytes:
        return generate_latest(self.registry)
