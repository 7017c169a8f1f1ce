"""deploy/kubernetes.yaml: valid by the schemas of Kubernetes, confined, and in keeping with the service."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from customers.config import load
from customers.errors import ConfigurationError
from tests.manifests import manifest
from tests.manifests.manifest import DEPLOY, DOCKERFILE, SETTINGS

PATH = DEPLOY / "kubernetes.yaml"
TEXT = PATH.read_text()

# The oldest is the one that the file names.
VERSIONS = ("1.34", "1.35", "1.36", "1.37")
FILLED_IN = {
    "CUSTOMERS_DATABASE_URL": "postgresql://customers_service:secret@database/customers?sslmode=verify-full",
    "CUSTOMERS_SECRET_KEY": "k" * 64,
    "CUSTOMERS_SMTP_URL": "smtp://user:password@mail:587",
}


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    """Return the objects by kind; there is one of each, and the owner's Secret beside the service's."""
    documents = manifest.read(TEXT)
    kinds = [one["kind"] + ("Owner" if one["metadata"]["name"] == "customers-owner" else "") for one in documents]
    assert len(set(kinds)) == len(documents)
    return dict(zip(kinds, documents, strict=True))


@pytest.fixture(scope="module")
def pods(objects: dict[str, Any]) -> dict[str, Any]:
    """Return the templates of pods, by what makes them."""
    templates = {kind: objects[kind]["spec"]["template"] for kind in ("Deployment", "Job")}
    return {**templates, "CronJob": objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]}


@pytest.fixture(scope="module")
def variables(objects: dict[str, Any]) -> dict[str, str]:
    """Return a pod's variables, once the Secret is filled in."""
    assert FILLED_IN.keys() == objects["Secret"]["stringData"].keys()
    return {**objects["ConfigMap"]["data"], **FILLED_IN}


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid(version: str) -> None:
    said = manifest.validate("kubernetes-validate", "-k", version, "--strict", PATH)

    assert said.count(" passed ") == TEXT.count("\nkind: ")
    assert f"({VERSIONS[0]} or later)" in TEXT


def test_its_variables_are_settings_and_the_service_starts_once_the_secret_is_filled_in(
    objects: dict[str, Any], variables: dict[str, str]
) -> None:
    settings, placeholders = load(variables), objects["Secret"]["stringData"]

    with pytest.raises(ConfigurationError) as refused:
        load({**variables, **placeholders})

    assert variables.keys() <= SETTINGS
    assert (settings.cookie_secure, settings.cookie, settings.trusted_proxies) == (True, "__Host-customers", 1)
    assert {fault.split(":")[0] for fault in refused.value.faults} == placeholders.keys()


def test_every_pod_is_confined_and_what_is_writable_is_bounded(pods: dict[str, Any]) -> None:
    user = int(manifest.found(r"^USER (\d+):", DOCKERFILE))
    # Kubernetes' own standard "restricted", and a root that cannot be written.
    context = {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    for template in pods.values():
        pod = template["spec"]
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
        assert pod["securityContext"] == context
        volumes = {volume["name"]: volume.get("emptyDir") for volume in pod["volumes"]}
        for container in containers(template):
            assert container["securityContext"] == confined
            assert {bound: set(of) for bound, of in container["resources"].items()} == {
                bound: {"cpu", "memory"} for bound in ("requests", "limits")
            }
            mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
            writable = {path: volume for path, volume in mounted.items() if volume}
            assert writable.keys() == (set() if container["name"] == "role" else {"/tmp", "/dev/shm"})  # noqa: S108
            assert all("sizeLimit" in volume for volume in writable.values())


def test_the_ports_agree_and_the_outside_is_told_of_no_internal_path(
    objects: dict[str, Any], pods: dict[str, Any], variables: dict[str, str]
) -> None:
    settings = load(variables)
    (container,) = pods["Deployment"]["spec"]["containers"]
    rules = objects["NetworkPolicy"]["spec"]["ingress"]

    assert container["ports"] == [{"name": "http", "containerPort": settings.port}]
    assert settings.host == "0.0.0.0"  # noqa: S104  # the pod's own
    assert [port["targetPort"] for port in objects["Service"]["spec"]["ports"]] == ["http"]
    # The ingress controller's and Prometheus's.
    assert [rule["ports"][0]["port"] for rule in rules] == [settings.port] * 2
    assert all("namespaceSelector" in peer for rule in rules for peer in rule["from"])
    assert pods["Deployment"]["metadata"]["annotations"]["prometheus.io/port"] == str(settings.port)
    told = manifest.found(r"pass on (/api.*?), and nothing", TEXT.replace("\n#     ", ""))
    assert not {"/metrics", "/session", "/readyz", "/healthz"} & set(re.findall(r"/[a-z.-]+", told))


def test_a_database_that_is_away_takes_the_pods_out_and_does_not_restart_them(
    pods: dict[str, Any], variables: dict[str, str]
) -> None:
    (container,) = pods["Deployment"]["spec"]["containers"]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]

    assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
    assert {"/healthz", "/readyz"} <= manifest.served(variables)[0]


def test_a_pod_has_the_time_to_finish_what_it_began(objects: dict[str, Any], pods: dict[str, Any]) -> None:
    pod = pods["Deployment"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod["terminationGracePeriodSeconds"] >= pause + manifest.graceful_timeout() + 5
    assert objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_database_has_enough_connections(objects: dict[str, Any], variables: dict[str, str]) -> None:
    settings = load(variables)
    surge = objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    pods = objects["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] + surge

    needed = pods * settings.workers * (settings.threads + 1) + 2 * 2  # and two commands at once

    assert needed <= 97  # PostgreSQL's default of 100 less the three it reserves
    assert f"= {needed} of" in TEXT


def test_the_selectors_find_the_instances_and_only_them(objects: dict[str, Any], pods: dict[str, Any]) -> None:
    labels = [pod["metadata"]["labels"] for pod in pods.values()]  # the Deployment's first

    assert objects["Deployment"]["spec"]["selector"]["matchLabels"] == labels[0]
    assert objects["Service"]["spec"]["selector"] == labels[0]
    assert objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels[0]
    assert labels.count(labels[0]) == 1
    assert objects["NetworkPolicy"]["spec"]["podSelector"] == {}


def test_images_are_named_exactly_and_the_services_is_one(objects: dict[str, Any], pods: dict[str, Any]) -> None:
    images = {container["image"] for pod in pods.values() for container in containers(pod)}
    (image,) = (image for image in images if "/customers:" in image)

    assert all(manifest.pinned(image) for image in images)
    assert f"{image}, everywhere" in TEXT
    assert objects["Namespace"]["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}


def test_the_migration_is_the_owners_and_what_serves_has_the_restricted_role(
    objects: dict[str, Any], pods: dict[str, Any], variables: dict[str, str], make_database: Callable[[], str]
) -> None:
    """The service ran as the owner of the tables, who can empty the trail, whatever role.sql says."""
    sources = [{"configMapRef": {"name": "customers"}}, {"secretRef": {"name": "customers"}}]
    owner = {"secretRef": {"name": "customers-owner"}}
    migrate, role = containers(pods["Job"])
    (serve,), (purge,) = containers(pods["Deployment"]), containers(pods["CronJob"])

    assert objects["SecretOwner"]["stringData"].keys() == {"CUSTOMERS_DATABASE_URL", "SERVICE_PASSWORD"}
    assert migrate["envFrom"] == [*sources, owner]  # the last source of a name is the one that counts
    assert serve["envFrom"] == purge["envFrom"] == sources
    assert role["envFrom"] == [owner]
    assert (role["command"][0], role["command"][-2:]) == ("psql", ["/role/role.sql", "$(CUSTOMERS_DATABASE_URL)"])
    assert "create configmap customers-role --from-file role.sql" in TEXT
    options = role["env"][0]["value"].replace("$(SERVICE_PASSWORD)", "secret")
    manifest.assert_restricted(make_database, variables["CUSTOMERS_DATABASE_URL"], options)
    assert "# postgresql://customers_service:password@host" in TEXT
    assert "command" not in serve  # the image's own
    assert (migrate["command"], purge["command"]) == (["flask", "init-db"], ["flask", "purge"])
    assert {"init-db", "purge"} <= manifest.served(variables)[1]
