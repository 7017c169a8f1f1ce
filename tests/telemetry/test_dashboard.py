"""The dashboard, the alerts and docs/metrics.md name the metrics that the running service exposes."""

import json
import re
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import REPOSITORY
from tests.support.measured import Measured
from tests.support.service import Service, sign_up
from tests.support.shops import with_schema

DASHBOARD = json.loads((REPOSITORY / "deploy" / "grafana-dashboard.json").read_text())
ALERTS = (REPOSITORY / "deploy" / "alerts.yaml").read_text()
DOCS = (REPOSITORY / "docs" / "metrics.md").read_text()

QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = [one["query"]["query"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
CONDITIONS = [
    block or line for block, line in re.findall(r"^ +expr: (?:\|\n((?: {10,}.*\n)+)|([^|\n]+)\n)", ALERTS, re.MULTILINE)
]

# What Prometheus itself adds: a metric for each scrape, and labels.
UP = {"up": {"job", "instance"}}
FUNCTIONS = {"rate", "increase", "sum", "min", "max", "count", "absent", "histogram_quantile", "label_values", "vector"}
WORDS = {"by", "and", "or", "unless"}


@pytest.fixture(scope="module")
def exposed(
    tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str]
) -> Iterator[dict[str, set[str]]]:
    """Return the metrics that a running service exposes, with their labels and those that Prometheus adds."""
    settings = {"CUSTOMERS_BCRYPT_ROUNDS": "4", "CUSTOMERS_WORKERS": "1"}
    log = tmp_path_factory.mktemp("dashboard") / "log"
    measured = Measured(Service, log, CUSTOMERS_DATABASE_URL=with_schema(make_database()), **settings)
    try:
        sign_up(measured.service, "measured@example.com")
        found: dict[str, set[str]] = {}
        for name, labels in measured.scrape():
            found.setdefault(name, {"job", "instance"}).update(label for label, _ in labels)
        yield found | UP
    finally:
        measured.service.stop()


def parse(query: str) -> tuple[set[str], set[str], set[str]]:
    """Return what a PromQL expression names: functions, metrics, labels."""
    query = re.sub(r'"[^"]*"', '""', query)
    labels = set[str]()
    for found in re.findall(r"\{([^}]*)\}|\bby \(([^)]*)\)|, (\w+)\)$", query):
        labels |= set(re.findall(r"[a-z_]+", "".join(found)))
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)|, \w+\)$", "", query)
    functions = set(re.findall(r"\b([a-z_]+)\s*\(", rest))
    return functions, set(re.findall(r"\b[a-z][a-z_]*", rest)) - functions - WORDS, labels


@pytest.mark.parametrize("query", QUERIES + VARIABLES + CONDITIONS)
def test_a_query_names_only_metrics_and_labels_that_exist(query: str, exposed: dict[str, set[str]]) -> None:
    functions, metrics, labels = parse(query)

    assert functions <= FUNCTIONS
    assert metrics
    assert metrics <= set(exposed)
    for metric in metrics:
        assert labels <= exposed[metric]


def test_the_parser_finds_functions_metrics_and_labels() -> None:
    functions, metrics, labels = parse(
        'sum by (le, rout) (rate(customer_logins{kind="x y", outcom!="ok"}[5m])) / nothing'
    )

    assert functions == {"sum", "rate"}
    assert metrics == {"customer_logins", "nothing"}
    assert labels == {"le", "rout", "kind", "outcom"}


def test_every_metric_is_documented_and_on_the_dashboard_or_in_an_alert(exposed: dict[str, set[str]]) -> None:
    def family(name: str) -> str:
        return re.sub("_(bucket|sum|count)$", "", name)

    documented = {family(name) for name in re.findall(r"^\| `(customers_\w+)`", DOCS, re.MULTILINE)}
    shown = {"up"} | {family(metric) for query in QUERIES + CONDITIONS for metric in parse(query)[1]}

    assert documented | {"up"} == shown == {family(name) for name in exposed}


def test_every_alert_is_explained() -> None:
    alerts = re.findall(r"- alert: (\w+)", ALERTS)

    assert len(alerts) == len(CONDITIONS)
    assert set(re.findall(r"^### (\w+)", DOCS, re.MULTILINE)) == set(alerts)


def test_no_panel_covers_another() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]

    assert len(set(ids)) == len(set(places)) == len(DASHBOARD["panels"])
