"""deploy/kubernetes.yaml: valid by the schemas of Kubernetes, confined, and in keeping with the service."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from customers.config import load
from customers.errors import ConfigurationError
from tests.manifests.manifest import (
    DEPLOY,
    SETTINGS,
    assert_restricted,
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
    "CUSTOMERS_DATABASE_URL": "postgresql://customers_service:secret@database/customers?sslmode=verify-full",
    "CUSTOMERS_SECRET_KEY": "k" * 64,
    "CUSTOMERS_SMTP_URL": "smtp://user:password@mail:587",
}
# PostgreSQL's default of 100 less the three it reserves.
CONNECTIONS = 97


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    """Return the objects by kind; there is one of each, and the owner's Secret beside the service's."""
    documents = read(TEXT)
    found = {
        document["kind"] + ("Owner" if document["metadata"]["name"] == "customers-owner" else ""): document
        for document in documents
    }
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
        "Namespace", "ServiceAccount", "Secret", "SecretOwner", "ConfigMap", "Deployment", "Service",
        "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "Job", "CronJob",
    }  # fmt: skip
    assert f"({VERSIONS[0]} or later)" in TEXT


def test_its_variables_are_settings_and_the_service_starts_with_them(variables: dict[str, str]) -> None:
    settings = load(variables)

    assert variables.keys() <= SETTINGS
    assert (settings.cookie_secure, settings.cookie, settings.trusted_proxies) == (True, "__Host-customers", 1)


def test_the_secret_as_it_stands_stops_the_start(objects: dict[str, Any]) -> None:
    placeholders = objects["Secret"]["stringData"]

    with pytest.raises(ConfigurationError) as refused:
        load({**objects["ConfigMap"]["data"], **placeholders})

    assert {fault.split(":")[0] for fault in refused.value.faults} == placeholders.keys()


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def test_every_pod_is_confined(pods: dict[str, Any]) -> None:
    # Kubernetes' own standard "restricted", and a root that cannot be written.
    for template in pods.values():
        pod = template["spec"]
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
        context = pod["securityContext"]
        assert [context["runAsUser"], context["runAsGroup"]] == image_user()
        assert (context["runAsNonRoot"], context["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
        for container in containers(template):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            for bound in ("requests", "limits"):
                assert container["resources"][bound].keys() == {"cpu", "memory"}


def test_what_is_writable_is_bounded(pods: dict[str, Any]) -> None:
    for template in pods.values():
        volumes = {volume["name"]: volume.get("emptyDir") for volume in template["spec"]["volumes"]}
        for container in containers(template):
            mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
            writable = {path: volume for path, volume in mounted.items() if volume}

            assert writable.keys() == (set() if container["name"] == "role" else {"/tmp", "/dev/shm"})  # noqa: S108
            assert all("sizeLimit" in place for place in writable.values())
            assert writable.get("/dev/shm", {}).get("medium", "Memory") == "Memory"  # noqa: S108


def test_the_ports_agree(objects: dict[str, Any], pods: dict[str, Any], variables: dict[str, str]) -> None:
    settings = load(variables)
    (container,) = pods["Deployment"]["spec"]["containers"]

    assert container["ports"] == [{"name": "http", "containerPort": settings.port}]
    assert settings.host == "0.0.0.0"  # noqa: S104  # the pod's own
    assert [port["targetPort"] for port in objects["Service"]["spec"]["ports"]] == ["http"]
    rules = objects["NetworkPolicy"]["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in rules] == [
        settings.port
    ] * 2  # the ingress controller's and Prometheus's
    assert all("namespaceSelector" in peer for rule in rules for peer in rule["from"])
    assert pods["Deployment"]["metadata"]["annotations"]["prometheus.io/port"] == str(settings.port)
    # Whatever is not to be public is at none of the paths that an Ingress is told to pass on.
    (told,) = re.findall(r"pass on (/api.*?), and nothing", TEXT.replace("\n#     ", ""))
    assert not [
        path for path in re.findall(r"/[a-z.-]+", told) if path in ("/metrics", "/session", "/readyz", "/healthz")
    ]


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

    needed = most * settings.workers * (settings.threads + 1) + commands_at_once * 2

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
    images = {container["image"] for pod in pods.values() for container in containers(pod)}
    sources = [{"configMapRef": {"name": "customers"}}, {"secretRef": {"name": "customers"}}]

    assert namespaces == {objects["Namespace"]["metadata"]["name"]}
    assert objects["Namespace"]["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert [image for image in images if not pinned(image)] == []
    (image,) = (image for image in images if "/customers:" in image)
    assert f"{image}, everywhere" in TEXT
    for name in ("Deployment", "CronJob"):
        assert pods[name]["spec"]["containers"][0]["envFrom"] == sources


def test_the_migration_is_the_owners_and_what_serves_has_the_restricted_role(
    objects: dict[str, Any], pods: dict[str, Any], variables: dict[str, str], make_database: Callable[[], str]
) -> None:
    """The service ran as the owner of the tables, who can empty the trail, whatever role.sql says."""
    owner = {"secretRef": {"name": "customers-owner"}}
    migrate, role = containers(pods["Job"])
    users = [str(pods[name]) for name in ("Deployment", "CronJob")]

    assert objects["SecretOwner"]["stringData"].keys() == {"CUSTOMERS_DATABASE_URL", "SERVICE_PASSWORD"}
    assert migrate["envFrom"][-1] == owner  # the last source of a name is the one that counts
    assert role["envFrom"] == [owner]
    assert role["command"][0] == "psql"
    assert role["command"][-2:] == ["/role/role.sql", "$(CUSTOMERS_DATABASE_URL)"]
    assert "create configmap customers-role --from-file role.sql" in TEXT
    assert not [pod for pod in users if "customers-owner" in pod]
    (variable,) = role["env"]
    options = variable["value"].replace("$(SERVICE_PASSWORD)", "secret")
    assert_restricted(make_database, variables["CUSTOMERS_DATABASE_URL"], options)
    assert "# postgresql://customers_service:password@host" in TEXT


def test_the_commands_are_those_of_the_service(pods: dict[str, Any], variables: dict[str, str]) -> None:
    run = [containers(pods["Job"])[0]["command"], pods["CronJob"]["spec"]["containers"][0]["command"]]

    assert run == [["flask", "init-db"], ["flask", "purge"]]
    assert {command for _, command in run} <= commands(variables)
    assert "command" not in pods["Deployment"]["spec"]["containers"][0]  # the image's own
