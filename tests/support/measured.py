"""A running service of which the metrics are asked."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.support.service import Service

Sample = tuple[str, frozenset[tuple[str, str]]]


class Measured:
    """A running service and its metrics."""

    def __init__(self, start: Callable[..., Service], *args: Path | str, **settings: str) -> None:
        """Start the service by a function that takes these arguments and its settings."""
        self.service = start(*args, **settings)

    def scrape(self) -> dict[Sample, float]:
        """Return each sample's value, by name and labels."""
        with urllib.request.urlopen(f"{self.service.base}/metrics", timeout=10) as response:
            assert response.status == 200
            families = text_string_to_metric_families(response.read().decode())
        return {(found.name, frozenset(found.labels.items())): found.value for one in families for found in one.samples}

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels."""
        wanted = frozenset(labels.items())
        return sum(value for (found, having), value in self.scrape().items() if found == name and wanted <= having)

    def workers(self) -> list[psutil.Process]:
        """Return the workers."""
        return psutil.Process(self.service.process.pid).children()
