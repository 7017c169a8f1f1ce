"""deploy/compose.yaml: valid by Compose's schema, confined, and in keeping with the service."""

import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from customers.config import load
from tests.manifests.manifest import (
    DEPLOY,
    SETTINGS,
    assert_restricted,
    commands,
    find,
    graceful_timeout,
    image_variables,
    pinned,
    read,
    validate,
)

PATH = DEPLOY / "compose.yaml"
TEXT = PATH.read_text()
NGINX = (DEPLOY / "nginx.conf").read_text()

INSTANCES = ("customers-8000", "customers-8001")
COMMANDS = ("migrate", "purge")
OTHERS = ("database", "nginx", "mail")
ROLE = "role"
NETWORK = "shop"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the file's content, merged."""
    (document,) = read(TEXT)
    return dict(document)


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    """Return the services by name."""
    return dict(compose["services"])


def prepare(folder: Path) -> Path:
    """Run a copy of prepare.sh in a folder, and return the file of secrets that it makes."""
    folder.mkdir(exist_ok=True)
    shutil.copy(DEPLOY / "prepare.sh", folder)
    subprocess.run([folder / "prepare.sh"], check=True, capture_output=True)
    return folder / ".env"


def variables(service: dict[str, Any], env_file: Path) -> dict[str, str]:
    """Return a container's variables: the image's, and the service's with the secrets put in."""
    secrets = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    given = {
        name: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: secrets[found[1]], value)
        for name, value in service["environment"].items()
    }
    return image_variables() | given


def validated(path: Path) -> int:
    return validate("check-jsonschema", "--builtin-schema", "vendor.compose-spec", path=path).returncode


def test_it_is_valid() -> None:
    assert validated(PATH) == 0


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("read_only:", "readonly:"), ("start_period: 60s", "start_period: []"), ("pids: 64", "pid: 64")],
)
def test_the_validator_sees_what_is_wrong(right: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    assert right in TEXT
    # What stands under x- is nobody's; the services that take it over are looked at as they are once merged.
    path.write_text(TEXT.replace(right, wrong))

    assert validated(path) != 0


def test_it_has_two_instances_and_what_they_need(services: dict[str, Any]) -> None:
    assert set(services) == {*INSTANCES, *COMMANDS, *OTHERS, ROLE, NETWORK}
    first, second = (dict(services[name]) for name in INSTANCES)
    settings = first.pop("environment"), second.pop("environment")
    assert first == second
    assert {name for name in settings[0] if settings[0][name] != settings[1][name]} == {"PORT"}


def test_the_service_starts_with_its_variables(services: dict[str, Any], tmp_path: Path) -> None:
    env_file = prepare(tmp_path)

    for name in (*INSTANCES, *COMMANDS):
        assert services[name]["environment"].keys() <= SETTINGS
        settings = load(variables(services[name], env_file))
        assert settings.cookie_secure
        assert settings.trusted_proxies == 1
        assert urlsplit(settings.database_url).hostname == "database"
        assert urlsplit(settings.smtp_url).hostname == "mail"


def test_the_migration_is_the_owners_and_what_serves_has_the_restricted_role(
    services: dict[str, Any], tmp_path: Path, make_database: Callable[[], str]
) -> None:
    """Everything ran as PostgreSQL's superuser: the trail could be emptied, whatever role.sql says."""
    env_file = prepare(tmp_path)
    owner = variables(services["database"], env_file)
    urls = {
        name: urlsplit(variables(services[name], env_file)["CUSTOMERS_DATABASE_URL"])
        for name in (*INSTANCES, *COMMANDS)
    }
    role = variables(services[ROLE], env_file)
    (mount,) = services[ROLE]["volumes"]

    assert (urls["migrate"].username, urls["migrate"].password) == (owner["POSTGRES_USER"], owner["POSTGRES_PASSWORD"])
    assert {url.path for url in urls.values()} == {"/" + owner["POSTGRES_DB"]}
    assert (role["PGUSER"], role["PGPASSWORD"], role["PGDATABASE"], role["PGHOST"]) == (
        owner["POSTGRES_USER"], owner["POSTGRES_PASSWORD"], owner["POSTGRES_DB"], "database",
    )  # fmt: skip
    assert services[ROLE]["command"] == ["psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", mount.split(":")[1]]
    assert mount == "./role.sql:/role.sql:ro"
    for name in (*INSTANCES, "purge"):
        assert urls[name].username != owner["POSTGRES_USER"]
        assert role["PGOPTIONS"] == f"-c customers.password={urls[name].password}"
    assert_restricted(make_database, urls["purge"].geturl(), role["PGOPTIONS"])


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    first, second = prepare(tmp_path / "one").read_text(), prepare(tmp_path / "two").read_text()
    again = prepare(tmp_path / "one")

    values = [line.split("=")[1] for text in (first, second) for line in text.splitlines()]
    assert len(set(values)) == 6
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in values)
    assert again.read_text() == first
    for path in (again, tmp_path / "one" / "tls" / "shop.example.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_certificate_is_for_the_shop_and_made_once(tmp_path: Path) -> None:
    tls = prepare(tmp_path).parent / "tls"
    certificate = (tls / "shop.example.pem").read_bytes()

    prepare(tmp_path)

    assert (tls / "shop.example.pem").read_bytes() == certificate
    checked = subprocess.run(
        [
            "openssl",
            "verify",
            "-CAfile",
            tls / "shop.example.pem",
            "-verify_hostname",
            "shop.example",
            tls / "shop.example.pem",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_without_the_secrets_nothing_starts_and_none_is_in_the_file(services: dict[str, Any]) -> None:
    used = re.findall(r"\$\{([^}]*)\}", TEXT)

    assert used
    assert all(re.fullmatch(r"\w+:\?run \./prepare\.sh first", variable) for variable in used)
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET|KEY", name) or value.startswith("${")


def test_everything_is_confined_and_bounded(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert "stop_grace_period" in service, name
        # An image that is made here must not be asked for at a registry, where it may be somebody else's.
        assert pinned(service["image"]) or ("build" in service and service["pull_policy"] == "build"), name
    assert [name for name, service in services.items() if "cap_add" in service] == ["nginx"]


def test_only_the_shop_and_the_catcher_of_mail_can_be_reached(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published == {NETWORK: ["127.0.0.1:80:80", "127.0.0.1:443:443"], "mail": ["127.0.0.1:8025:8025"]}
    assert compose["networks"]["inside"] == {"internal": True}
    for name in ("database", ROLE, *COMMANDS):
        assert services[name]["networks"] == ["inside"]


def test_nginx_and_the_instances_share_a_network_that_no_restart_ends(services: dict[str, Any], tmp_path: Path) -> None:
    env_file = prepare(tmp_path)
    ports = set()
    for name in INSTANCES:
        settings = load(variables(services[name], env_file))
        assert settings.host == "127.0.0.1"
        ports.add(settings.port)

    assert len(ports) == 2
    for name in (*INSTANCES, "nginx"):
        assert services[name]["network_mode"] == f"service:{NETWORK}"
        assert "networks" not in services[name]
    assert services[NETWORK]["entrypoint"] == ["sleep", "infinity"]
    assert services["nginx"]["depends_on"] == {name: {"condition": "service_healthy"} for name in INSTANCES}


def test_each_container_has_a_health_check_or_serves_nothing(services: dict[str, Any]) -> None:
    for name in INSTANCES:
        assert "healthcheck" not in services[name]  # the image's
        assert "command" not in services[name]
    for name in (*COMMANDS, ROLE, NETWORK):
        assert services[name]["healthcheck"] == {"disable": True}
    for name in OTHERS:
        assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_an_instance_has_the_time_to_finish_what_it_began(services: dict[str, Any]) -> None:
    # nginx, too, finishes what it has begun, and waits for the instances.
    for name in (*INSTANCES, "nginx"):
        assert int(services[name]["stop_grace_period"].removesuffix("s")) >= graceful_timeout() + 5


def test_schema_and_role_are_there_before_the_instances(services: dict[str, Any], tmp_path: Path) -> None:
    for name in (*INSTANCES, "purge"):
        assert services[name]["depends_on"] == {ROLE: {"condition": "service_completed_successfully"}}
    assert services[ROLE]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == services[ROLE]["restart"] == "no"
    run = {name: re.findall(r"\bflask[ ,]+([a-z-]+)", " ".join(services[name]["command"])) for name in COMMANDS}
    assert run == {"migrate": ["init-db"], "purge": ["purge"]}
    assert {name for names in run.values() for name in names} <= commands(
        variables(services["migrate"], prepare(tmp_path))
    )


def test_what_is_named_is_declared(compose: dict[str, Any]) -> None:
    named = {name for networks in find(compose["services"], "networks") for name in networks}
    volumes = [volume.split(":")[0] for volumes in find(compose["services"], "volumes") for volume in volumes]

    assert named == compose["networks"].keys()
    assert {volume for volume in volumes if not volume.startswith(".")} == compose["volumes"].keys()


def test_images_are_named_exactly_and_mailpit_has_no_published_fault(services: dict[str, Any]) -> None:
    """`nginx:1.28-bookworm` is another image each month, and Mailpit had published faults up to 1.30.5."""
    base = re.search(r"^ARG BASE=(\S+)$", (DEPLOY.parent / "Dockerfile").read_text(), re.MULTILINE)
    built = re.findall(r"^FROM (\S+)$", services["nginx"]["build"]["dockerfile_inline"], re.MULTILINE)
    pulled = [service["image"] for service in services.values() if "build" not in service]
    (mailpit,) = (image for image in pulled if "mailpit" in image)

    assert base
    assert [image for image in (base[1], *built, *pulled) if not pinned(image)] == []
    assert not pinned("docker.io/library/nginx:1.28-bookworm")
    assert not pinned("docker.io/library/python:3.13-slim-trixie")
    assert tuple(int(part) for part in mailpit.rpartition(":v")[2].split(".")) >= (1, 30, 6)


def test_nginx_finds_what_its_configuration_names(services: dict[str, Any]) -> None:
    upstream = re.search(r"upstream customers \{.*?\}", NGINX, re.DOTALL)
    assert upstream
    there = {(services[name]["environment"]["HOST"], services[name]["environment"]["PORT"]) for name in INSTANCES}
    (root,) = set(re.findall(r"root +(\S+);", NGINX))
    (shop,) = set(re.findall(r"server_name +(\S+);", NGINX))
    reset_url = services["customers-8000"]["environment"]["CUSTOMERS_RESET_URL"]

    assert {tuple(found) for found in re.findall(r"server ([\d.]+):(\d+)", upstream[0])} == there
    assert {f"customers-{port}" for _, port in there} == set(INSTANCES)  # as the rolling restart names them
    assert {volume.split(":")[1] for volume in services["nginx"]["volumes"]} == set(
        re.findall(r"ssl_certificate(?:_key)? +(\S+);", NGINX)
    )
    copied = re.findall(r"^COPY .*(/srv\S*)$", services["nginx"]["build"]["dockerfile_inline"], re.MULTILINE)
    assert copied == [root, root + "/"]
    assert f"\nname={shop} " in (DEPLOY / "prepare.sh").read_text()
    assert reset_url.startswith(f"https://{shop}/")
    assert f"CUSTOMERS_RESET_URL={reset_url}" in NGINX
