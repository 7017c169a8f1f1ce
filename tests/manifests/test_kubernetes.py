"""deploy/kubernetes.yaml: valid by the schemas of Kubernetes, confined, and in keeping with the service."""

from pathlib import Path
from typing import Any

import pytest

from customers.config import ConfigurationError, load
from tests.manifests.manifest import (
    DEPLOY,
    SETTINGS,
    commands,
    graceful_timeout,
    image_user,
    pinned,
    read,
    routes,
    validate,
)

PATH = DEPLOY / "kubernetes.yaml"
TEXT = PATH.read_text()

# The oldest is the one that the file names.
VERSIONS = ("1.34", "1.35", "1.36", "1.37")

FILLED_IN = {
    "CUSTOMERS_DATABASE_URL": "postgresql://user:password@database/customers?sslmode=verify-full",
    "CUSTOMERS_SECRET_KEY": "k" * 64,
    "CUSTOMERS_SMTP_URL": "smtp://user:password@mail:587",
}
# PostgreSQL's default of 100 less the three it reserves.
CONNECTIONS = 97


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    """Return the objects by kind; there is one of each."""
    documents = read(TEXT)
    found = {document["kind"]: document for document in documents}
    assert len(found) == len(documents)
    return found


@pytest.fixture(scope="module")
def pods(objects: dict[str, Any]) -> dict[str, Any]:
    """Return the templates of pods, by what makes them."""
    return {
        "Deployment": objects["Deployment"]["spec"]["template"],
        "Job": objects["Job"]["spec"]["template"],
        "CronJob": objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"],
    }


@pytest.fixture(scope="module")
def variables(objects: dict[str, Any]) -> dict[str, str]:
    """Return a pod's variables, once the Secret is filled in."""
    assert FILLED_IN.keys() == objects["Secret"]["stringData"].keys()
    return {**objects["ConfigMap"]["data"], **FILLED_IN}


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid(version: str) -> None:
    done = validate("kubernetes-validate", "-k", version, "--strict", path=PATH)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" passed ") + done.stderr.count(" passed ") == TEXT.count("\nkind: ")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("readOnlyRootFilesystem", "readOnlyRootFileSystem"),
        ("periodSeconds: 10", "periodSeconds: ten"),
        ("maxReplicas: 6", ""),
    ],
)
def test_the_validator_sees_what_is_wrong(right: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "kubernetes.yaml"
    assert right in TEXT
    path.write_text(TEXT.replace(right, wrong, 1))

    assert validate("kubernetes-validate", "-k", VERSIONS[-1], "--strict", path=path).returncode != 0


def test_it_holds_what_a_deployment_needs(objects: dict[str, Any]) -> None:
    assert set(objects) == {
        "Namespace", "ServiceAccount", "Secret", "ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler",
        "PodDisruptionBudget", "NetworkPolicy", "Job", "CronJob",
    }  # fmt: skip
    assert f"({VERSIONS[0]} or later)" in TEXT


def test_its_variables_are_settings_and_the_service_starts_with_them(variables: dict[str, str]) -> None:
    settings = load(variables)

    assert variables.keys() <= SETTINGS
    assert (settings.secure, settings.cookie, settings.trusted_proxies) == (True, "__Host-customers", 1)


def test_the_secret_as_it_stands_stops_the_start(objects: dict[str, Any]) -> None:
    placeholders = objects["Secret"]["stringData"]

    with pytest.raises(ConfigurationError) as refused:
        load({**objects["ConfigMap"]["data"], **placeholders})

    assert {fault.split()[0] for fault in refused.value.faults} == placeholders.keys()


def test_every_pod_is_confined(pods: dict[str, Any]) -> None:
    # Kubernetes' own standard "restricted", and a root that cannot be written.
    for template in pods.values():
        pod = template["spec"]
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
        context = pod["securityContext"]
        assert [context["runAsUser"], context["runAsGroup"]] == image_user()
        assert (context["runAsNonRoot"], context["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        for bound in ("requests", "limits"):
            assert container["ctx"][bound].keys() == {"cpu", "memory"}


def test_what_is_writable_is_bounded(pods: dict[str, Any]) -> None:
    for template in pods.values():
        pod = template["spec"]
        volumes = {volume["name"]: volume["emptyDir"] for volume in pod["volumes"]}
        (container,) = pod["containers"]
        places = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}

        assert places.keys() == {"/tmp", "/dev/shm"}  # noqa: S108  # those of a container
        assert all("sizeLimit" in place for place in places.values())
        assert places["/dev/shm"]["medium"] == "Memory"  # noqa: S108  # likewise


def test_the_ports_agree(objects: dict[str, Any], pods: dict[str, Any], variables: dict[str, str]) -> None:
    settings = load(variables)
    assert settings.metrics_address
    http, metrics = settings.port, settings.metrics_address[1]
    (container,) = pods["Deployment"]["spec"]["containers"]

    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {"http": http, "metrics": metrics}
    assert (settings.host, settings.metrics_address[0]) == ("0.0.0.0", "0.0.0.0")  # noqa: S104  # the pod's own
    assert [port["targetPort"] for port in objects["Service"]["spec"]["ports"]] == ["http"]
    open_to = {rule["ports"][0]["port"]: rule["from"] for rule in objects["NetworkPolicy"]["spec"]["ingress"]}
    assert open_to.keys() == {http, metrics}
    assert all("namespaceSelector" in peer for peers in open_to.values() for peer in peers)
    assert pods["Deployment"]["metadata"]["annotations"]["prometheus.io/port"] == str(metrics)


def test_the_probes_ask_routes_that_exist(pods: dict[str, Any], variables: dict[str, str]) -> None:
    (container,) = pods["Deployment"]["spec"]["containers"]
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}

    assert {probe["path"] for probe in asked.values()} <= routes(variables)
    assert {probe["port"] for probe in asked.values()} == {"http"}
    # A database that is away must not have the pods restarted.
    assert (asked["liveness"]["path"], asked["readiness"]["path"]) == ("/healthz", "/readyz")


def test_a_pod_has_the_time_to_finish_what_it_began(objects: dict[str, Any], pods: dict[str, Any]) -> None:
    pod = pods["Deployment"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod["terminationGracePeriodSeconds"] >= pause + graceful_timeout() + 5
    assert objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_database_has_enough_connections(objects: dict[str, Any], variables: dict[str, str]) -> None:
    settings = load(variables)
    surge = objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    most = objects["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] + surge
    commands_at_once = 2

    needed = most * (settings.workers * settings.pool_size + 1) + commands_at_once * 2

    assert needed <= CONNECTIONS
    assert f"= {needed} of" in TEXT


def test_the_selectors_find_the_instances_and_only_them(objects: dict[str, Any], pods: dict[str, Any]) -> None:
    def found(selector: dict[str, str]) -> set[str]:
        return {name for name, pod in pods.items() if selector.items() <= pod["metadata"]["labels"].items()}

    deployment = objects["Deployment"]["spec"]
    selectors = [
        deployment["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in pods["Deployment"]["spec"]["topologySpreadConstraints"]),
    ]

    assert [found(selector) for selector in selectors] == [{"Deployment"}] * len(selectors)
    assert objects["NetworkPolicy"]["spec"]["podSelector"] == {}
    assert (
        objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"]
        == objects["Deployment"]["metadata"]["name"]
    )
    assert "replicas" not in deployment  # the autoscaler's


def test_everything_is_of_one_namespace_and_one_image(objects: dict[str, Any], pods: dict[str, Any]) -> None:
    namespaces = {one["metadata"].get("namespace") for kind, one in objects.items() if kind != "Namespace"}
    images = {pod["spec"]["containers"][0]["image"] for pod in pods.values()}
    sources = [pod["spec"]["containers"][0]["envFrom"] for pod in pods.values()]

    assert namespaces == {objects["Namespace"]["metadata"]["name"]}
    assert objects["Namespace"]["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    (image,) = images
    assert pinned(image)
    assert f"{image}, everywhere" in TEXT
    assert sources == [[{"configMapRef": {"name": "customers"}}, {"secretRef": {"name": "customers"}}]] * len(pods)


def test_the_commands_are_those_of_the_service(pods: dict[str, Any], variables: dict[str, str]) -> None:
    run = {name: pods[name]["spec"]["containers"][0]["command"] for name in ("Job", "CronJob")}

    assert run == {"Job": ["flask", "init-db"], "CronJob": ["flask", "purge"]}
    assert {command for _, command in run.values()} <= commands(variables)
    assert "command" not in pods["Deployment"]["spec"]["containers"][0]  # the image's own
