"""deploy/kubernetes.yaml: valid by the schemas of Kubernetes, confined, and in keeping with the service."""

from typing import Any

import pytest

from customers.config import load
from customers.errors import ConfigurationError
from tests.manifests import manifest
from tests.manifests.manifest import DEPLOY, DOCKERFILE, SETTINGS

TEXT = (DEPLOY / "kubernetes.yaml").read_text()

# The oldest is the one that the file names.
VERSIONS = ("1.34", "1.35", "1.36", "1.37")

# The objects by kind; there is one of each, and the owner's Secret beside the service's.
DOCUMENTS = manifest.read(TEXT)
OBJECTS: dict[str, Any] = {
    one["kind"] + ("Owner" if one["metadata"]["name"] == "customers-owner" else ""): one for one in DOCUMENTS
}
# The templates of pods, by what makes them.
PODS = {
    "Deployment": OBJECTS["Deployment"]["spec"]["template"],
    "Job": OBJECTS["Job"]["spec"]["template"],
    "CronJob": OBJECTS["CronJob"]["spec"]["jobTemplate"]["spec"]["template"],
}
(SERVE,) = PODS["Deployment"]["spec"]["containers"]
UPDATE = OBJECTS["Deployment"]["spec"]["strategy"]["rollingUpdate"]
# A pod's variables, once the Secret is filled in.
FILLED_IN = {
    "CUSTOMERS_DATABASE_URL": "postgresql://customers_service:secret@database/customers?sslmode=verify-full",
    "CUSTOMERS_SECRET_KEY": "k" * 64,
    "CUSTOMERS_SMTP_URL": "smtp://user:password@mail:587",
}
VARIABLES = {**OBJECTS["ConfigMap"]["data"], **FILLED_IN}


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid(version: str) -> None:
    said = manifest.validate("kubernetes-validate", "-k", version, "--strict", DEPLOY / "kubernetes.yaml")

    assert said.count(" passed ") == TEXT.count("\nkind: ") == len(DOCUMENTS) == len(OBJECTS)


def test_its_variables_are_settings_and_the_service_starts_once_the_secret_is_filled_in() -> None:
    settings, placeholders = load(VARIABLES), OBJECTS["Secret"]["stringData"]

    with pytest.raises(ConfigurationError) as refused:
        load({**VARIABLES, **placeholders})

    assert placeholders.keys() == FILLED_IN.keys()
    assert VARIABLES.keys() <= SETTINGS
    assert (settings.cookie_secure, settings.cookie, settings.trusted_proxies) == (True, "__Host-customers", 1)
    assert {fault.split(":")[0] for fault in refused.value.faults} == placeholders.keys()


def test_every_pod_is_confined_and_its_images_are_named_exactly() -> None:
    user = int(manifest.found(r"^USER (\d+):", DOCKERFILE))
    # Kubernetes' own standard "restricted", and a root that cannot be written.
    context = {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    for template in PODS.values():
        pod = template["spec"]
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
        assert pod["securityContext"] == context
        volumes = {volume["name"]: volume.get("emptyDir") for volume in pod["volumes"]}
        for container in containers(template):
            assert container["securityContext"] == confined
            assert manifest.pinned(container["image"])
            assert {bound: set(of) for bound, of in container["resources"].items()} == {
                bound: {"cpu", "memory"} for bound in ("requests", "limits")
            }
            mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
            writable = {path: volume for path, volume in mounted.items() if volume}
            assert writable.keys() == (set() if container["name"] == "role" else {"/tmp", "/dev/shm"})
            assert all("sizeLimit" in volume for volume in writable.values())
    assert OBJECTS["Namespace"]["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}


def test_the_ports_agree_and_a_pod_has_the_time_to_finish_what_it_began() -> None:
    settings = load(VARIABLES)
    rules = OBJECTS["NetworkPolicy"]["spec"]["ingress"]
    pause = SERVE["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert SERVE["ports"] == [{"name": "http", "containerPort": settings.port}]
    assert settings.host == "0.0.0.0"
    assert [port["targetPort"] for port in OBJECTS["Service"]["spec"]["ports"]] == ["http"]
    # The ingress controller's and Prometheus's.
    assert [rule["ports"][0]["port"] for rule in rules] == [settings.port] * 2
    assert all("namespaceSelector" in peer for rule in rules for peer in rule["from"])
    assert PODS["Deployment"]["metadata"]["annotations"]["prometheus.io/port"] == str(settings.port)
    assert PODS["Deployment"]["spec"]["terminationGracePeriodSeconds"] >= pause + manifest.graceful_timeout() + 5
    assert UPDATE["maxUnavailable"] == 0


def test_a_database_that_is_away_takes_the_pods_out_and_does_not_restart_them() -> None:
    probes = [SERVE[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")]

    assert probes == ["/healthz", "/healthz", "/readyz"]


def test_the_database_has_enough_connections() -> None:
    settings = load(VARIABLES)
    pods = OBJECTS["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] + UPDATE["maxSurge"]

    needed = pods * settings.workers * (settings.threads + 1) + 2 * 2  # and two commands at once

    assert needed <= 97  # PostgreSQL's default of 100 less the three it reserves


def test_the_selectors_find_the_instances_and_only_them() -> None:
    labels = [pod["metadata"]["labels"] for pod in PODS.values()]  # the Deployment's first

    assert OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels[0]
    assert OBJECTS["Service"]["spec"]["selector"] == labels[0]
    assert OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels[0]
    assert labels.count(labels[0]) == 1
    assert OBJECTS["NetworkPolicy"]["spec"]["podSelector"] == {}


def test_the_migration_is_the_owners_and_what_serves_has_the_restricted_role() -> None:
    """The service ran as the owner of the tables, who can empty the trail, whatever role.sql says."""
    sources = [{"configMapRef": {"name": "customers"}}, {"secretRef": {"name": "customers"}}]
    owner = {"secretRef": {"name": "customers-owner"}}
    migrate, role = containers(PODS["Job"])
    (purge,) = containers(PODS["CronJob"])

    assert OBJECTS["SecretOwner"]["stringData"].keys() == {"CUSTOMERS_DATABASE_URL", "SERVICE_PASSWORD"}
    assert migrate["envFrom"] == [*sources, owner]  # the last source of a name is the one that counts
    assert SERVE["envFrom"] == purge["envFrom"] == sources
    assert role["envFrom"] == [owner]
    assert (role["command"][0], role["command"][-2:]) == ("psql", ["/role/role.sql", "$(CUSTOMERS_DATABASE_URL)"])
    assert role["env"] == [{"name": "PGOPTIONS", "value": "-c customers.password=$(SERVICE_PASSWORD)"}]
    assert "command" not in SERVE  # the image's own
    assert (migrate["command"], purge["command"]) == (["flask", "init-db"], ["flask", "purge"])
