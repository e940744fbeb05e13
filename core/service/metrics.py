"""Numbers for Prometheus. No label holds a name of a picture, a key or a caller."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .slots import Slots

#: Media type of the numbers. spec: Prometheus text format 0.0.4.
MEDIA = "text/plain; version=0.0.4; charset=utf-8"
#: Bounds of seconds. chosen: from an answer out of the store to a slow upload.
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """Counts requests, decisions and seconds of one service."""

    def __init__(self, slots: Slots) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "quaid_requests", "Requests by operation and status", ("operation", "status"), registry=registry
        )
        self._seconds = Histogram(
            "quaid_stage_seconds",
            "Seconds of a request: upload, work (the wait for a slot and the engine)",
            ("operation", "stage"),
            buckets=BUCKETS,
            registry=registry,
        )
        self._decisions = Counter("quaid_decisions", "Answers to queries", ("decision",), registry=registry)
        Gauge("quaid_slots", "Pictures that may be in work at once", registry=registry).set(slots.number)
        used = Gauge("quaid_slots_used", "Pictures in work", registry=registry)
        used.set_function(lambda: slots.used)
        uploads = Gauge("quaid_uploads", "Uploads on their way", registry=registry)
        uploads.set_function(lambda: slots.uploads)
        self._images = Gauge("quaid_index_images", "Images in the index at the last query", registry=registry)
        self._age = Gauge("quaid_index_age_seconds", "Seconds since the index was renewed", registry=registry)
        self._age.set_function(lambda: time.monotonic() - self._refreshed)
        self._refreshed = time.monotonic()
        self._up = Gauge("quaid_store_up", "Whether the store answered this question", registry=registry)
        self._stored = Gauge("quaid_store_images", "Images in the store", registry=registry)

    def count(self, operation: str, status: int) -> None:
        """Count a request that was answered."""
        self._requests.labels(operation, str(status)).inc()

    def spent(self, operation: str, stage: str, seconds: float) -> None:
        """Note the seconds of a stage of a request."""
        self._seconds.labels(operation, stage).observe(seconds)

    def decided(self, decision: str, images: int) -> None:
        """Count the answer to a query, which searched so many images."""
        self._decisions.labels(decision).inc()
        self._images.set(images)
        self._refreshed = time.monotonic()

    def text(self, stored: int | None) -> bytes:
        """Return all numbers; `stored`: images in the store, None when it does not answer."""
        self._up.set(stored is not None)
        if stored is not None:
            self._stored.set(stored)
        return generate_latest(self._registry)
