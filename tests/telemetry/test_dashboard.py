"""The dashboard, the alerts and docs/metrics.md name the metrics that the service exposes."""

import json
import re

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import REPOSITORY, new_client

DASHBOARD = json.loads((REPOSITORY / "deploy" / "grafana-dashboard.json").read_text())
ALERTS = (REPOSITORY / "deploy" / "alerts.yaml").read_text()
DOCS = (REPOSITORY / "docs" / "metrics.md").read_text()

QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = [one["query"]["query"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
CONDITIONS = [
    block or line for block, line in re.findall(r"^ +expr: (?:\|\n((?: {10,}.*\n)+)|([^|\n]+)\n)", ALERTS, re.MULTILINE)
]

# What Prometheus itself adds: a metric for each scrape, and labels.
ADDED = {"job", "instance"}
# What is neither a metric nor a label.
WORDS = {"rate", "increase", "sum", "min", "max", "count", "absent", "histogram_quantile", "label_values", "vector"}
WORDS |= {"by", "and", "or", "unless"}


@pytest.fixture
def exposed(app: Flask) -> dict[str, set[str]]:
    """Return the metrics that there are, with their labels and those that Prometheus adds."""
    found = {"up": ADDED}
    for one in text_string_to_metric_families(new_client(app).get("/metrics").text):
        for sample in one.samples:
            found[sample.name] = found.get(sample.name, ADDED) | set(sample.labels)
    # With several processes, prometheus-client leaves out times of creation and what it tells of its own process.
    return {name: labels for name, labels in found.items() if re.fullmatch("up|customers_.*(?<!_created)", name)}


def parse(query: str) -> tuple[set[str], set[str]]:
    """Return the metrics and the labels that a PromQL expression names."""
    query = re.sub(r'"[^"]*"', '""', query)
    named = re.findall(r"\{([^}]*)\}|\bby \(([^)]*)\)|, (\w+)\)$", query)
    labels = set(re.findall(r"[a-z_]+", " ".join("".join(found) for found in named)))
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)|, \w+\)$", "", query)
    return set(re.findall(r"\b[a-z][a-z_]*", rest)) - WORDS, labels


def test_every_query_names_only_metrics_and_labels_that_exist(exposed: dict[str, set[str]]) -> None:
    for query in QUERIES + VARIABLES + CONDITIONS:
        metrics, labels = parse(query)
        assert set() < metrics <= set(exposed), query
        assert all(labels <= exposed[metric] for metric in metrics), query


def test_every_metric_is_documented_and_on_the_dashboard_or_in_an_alert(exposed: dict[str, set[str]]) -> None:
    def family(name: str) -> str:
        return re.sub("_(bucket|sum|count)$", "", name)

    documented = {family(name) for name in re.findall(r"^\| `(customers_\w+)`", DOCS, re.MULTILINE)}
    shown = {"up"} | {family(metric) for query in QUERIES + CONDITIONS for metric in parse(query)[0]}

    assert documented | {"up"} == shown == {family(name) for name in exposed}


def test_every_alert_is_explained() -> None:
    alerts = re.findall(r"- alert: (\w+)", ALERTS)

    assert len(alerts) == len(CONDITIONS)
    assert set(re.findall(r"^### (\w+)", DOCS, re.MULTILINE)) == set(alerts)
