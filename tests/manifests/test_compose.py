"""deploy/compose.yaml, alone and with an EverShop: valid by Compose's schema, confined, in keeping with the service."""

import functools
import json
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from customers.config import load
from tests.manifests import manifest
from tests.manifests.manifest import DEPLOY, DOCKERFILE, SETTINGS

INSTANCES = ("customers-8000", "customers-8001")
COMMANDS = {"migrate": "init-db", "purge": "purge"}
ROLE = "role"
NETWORK = "shop"
OTHERS = ("database", "nginx", "mail", "evershop")

IMAGE = dict(pair.split("=", 1) for pair in manifest.found(r"^ENV (.*?)\n\n", DOCKERFILE.replace("\\\n", " ")).split())


class Stack(NamedTuple):
    """What Compose starts, and with which configuration of nginx."""

    texts: list[str]
    compose: dict[str, Any]
    nginx: str

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        services: dict[str, dict[str, Any]] = self.compose["services"]
        return services

    def variables(self, name: str) -> dict[str, str]:
        """Return the variables of a container: the image's, and its own, with something for each secret."""
        own = self.services[name].get("environment", {}).items()
        return IMAGE | {key: re.sub(r"\$\{(\w+):\?[^}]*\}", r"\1" * 4, value) for key, value in own}


def merged(first: Any, second: Any) -> Any:
    """Return what Compose makes of a value in two files: both, or the second's."""
    if isinstance(first, dict) and isinstance(second, dict):
        both = first.keys() & second.keys() - {"command", "entrypoint"}
        return first | second | {key: merged(first[key], second[key]) for key in both}
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    return second


def stack(nginx: str, *names: str) -> Stack:
    texts = [(DEPLOY / name).read_text() for name in names]
    files = [manifest.read(text)[0] for text in texts]
    included = [(DEPLOY / f"nginx-{block}.conf").read_text() for block in ("http", "server")]
    return Stack(texts, functools.reduce(merged, files), "".join([(DEPLOY / nginx).read_text(), *included]))


ALONE = stack("nginx.conf", "compose.yaml")
BESIDE = stack("evershop/nginx.conf", "compose.yaml", "evershop/compose.yaml")
each = pytest.mark.parametrize("stack", [ALONE, BESIDE], ids=["alone", "beside EverShop"])


@each
def test_it_is_valid_and_the_service_starts_with_its_variables(stack: Stack) -> None:
    files = (DEPLOY / "compose.yaml", DEPLOY / "evershop" / "compose.yaml")
    manifest.validate("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *files)
    for name in (*INSTANCES, *COMMANDS):
        settings = load(stack.variables(name))

        assert stack.services[name]["environment"].keys() <= SETTINGS
        assert (settings.cookie_secure, settings.trusted_proxies, settings.host) == (True, 1, "127.0.0.1")
        assert urlsplit(settings.database_url).hostname == "database"
        assert urlsplit(settings.smtp_url).hostname == "mail"
        shared = json.loads(stack.variables("evershop")["NODE_CONFIG"]) if "evershop" in stack.services else None
        secrets = [shared["system"]["session"]["cookieSecret"]] if shared else []
        assert list(settings.evershop_cookie_secrets) == secrets
        assert settings.evershop_timezone == (shared["shop"]["timezone"] if shared else "UTC")


@each
def test_the_migration_is_the_owners_and_what_serves_has_the_restricted_role(stack: Stack) -> None:
    """Everything ran as PostgreSQL's superuser: the trail could be emptied, whatever role.sql says."""
    database, role = stack.variables("database"), stack.variables(ROLE)
    owner = [database[f"POSTGRES_{name}"] for name in ("USER", "PASSWORD", "DB")]
    urls = {name: urlsplit(stack.variables(name)["CUSTOMERS_DATABASE_URL"]) for name in (*INSTANCES, *COMMANDS)}

    assert [urls["migrate"].username, urls["migrate"].password, urls["migrate"].path[1:]] == owner
    assert [role[name] for name in ("PGUSER", "PGPASSWORD", "PGDATABASE", "PGHOST")] == [*owner, "database"]
    assert stack.services[ROLE]["command"] == ["psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "/role.sql"]
    assert stack.services[ROLE]["volumes"] == ["./role.sql:/role.sql:ro"]
    for name in (*INSTANCES, "purge"):
        assert urls[name].username == manifest.ROLE != owner[0]
        assert role["PGOPTIONS"] == f"-c customers.password={urls[name].password}"


@each
def test_schema_and_role_are_there_before_the_instances(stack: Stack) -> None:
    done, healthy = "service_completed_successfully", {"condition": "service_healthy"}
    shop = {"evershop": healthy} if "evershop" in stack.services else {}
    for name in (*INSTANCES, "purge"):
        assert stack.services[name]["depends_on"] == {ROLE: {"condition": done}}
    assert stack.services[ROLE]["depends_on"] == {"migrate": {"condition": done}}
    assert stack.services["migrate"]["depends_on"] == {"database": healthy, **shop}
    assert stack.services["nginx"]["depends_on"] == {**dict.fromkeys(INSTANCES, healthy), **shop}
    assert ("--evershop" in stack.services["migrate"]["command"]) == bool(shop)
    for name, command in COMMANDS.items():
        assert re.findall(r"\bflask ([a-z-]+)", " ".join(stack.services[name]["command"])) == [command]


def test_secrets_and_a_certificate_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    def made(name: str) -> dict[str, bytes]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        shutil.copy(DEPLOY / "prepare.sh", folder)
        subprocess.run([folder / "prepare.sh"], check=True, capture_output=True)
        files = [folder / ".env", *(folder / "tls").iterdir()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        return {path.name: path.read_bytes() for path in files}

    first, second, again = made("one"), made("two"), made("one")
    secrets = re.findall(r"^(\w+)=([0-9a-f]{64})$", (first[".env"] + second[".env"]).decode(), re.MULTILINE)

    assert again == first
    assert first.keys() == {".env", "shop.example.key", "shop.example.pem"}
    assert {name for name, _ in secrets} == set(re.findall(r"\$\{(\w+)", "".join(BESIDE.texts)))
    assert len({value for _, value in secrets}) == 8


@each
def test_without_the_secrets_nothing_starts_and_none_is_in_the_file(stack: Stack) -> None:
    used = re.findall(r"\$\{([^}]*)\}", "".join(stack.texts))

    assert len(used) > 5
    assert all(re.fullmatch(r"\w+:\?run \./prepare\.sh first", variable) for variable in used)
    for service in stack.services.values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET|KEY", name) or value.startswith("${")


@each
def test_everything_is_confined_bounded_pinned_and_checked_or_serves_nothing(stack: Stack) -> None:
    """`nginx:1.28-bookworm` is another image each month, and Mailpit had published faults up to 1.30.5."""
    for name, service in stack.services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        # An image that is made here must not be asked for at a registry, where it may be somebody else's.
        assert manifest.pinned(service["image"]) or ("build" in service and service["pull_policy"] == "build"), name
        if name in INSTANCES:
            assert not {"healthcheck", "command"} & set(service)  # the image's
        elif name in OTHERS:
            assert service["healthcheck"]["test"][0] == "CMD"
        else:
            assert service["healthcheck"] == {"disable": True}
    assert [name for name, service in stack.services.items() if "cap_add" in service] == ["nginx"]
    assert manifest.pinned(manifest.found(r"^ARG BASE=(\S+)$", DOCKERFILE))
    for name in {"nginx", "evershop"} & stack.services.keys():
        assert manifest.pinned(manifest.found(r"^FROM (\S+)$", stack.services[name]["build"]["dockerfile_inline"]))
    mailpit = stack.services["mail"]["image"].rpartition(":v")[2]
    assert tuple(int(part) for part in mailpit.split(".")) >= (1, 30, 6)


@each
def test_only_the_shop_and_the_catcher_of_mail_can_be_reached(stack: Stack) -> None:
    published = {name: service["ports"] for name, service in stack.services.items() if "ports" in service}

    ports = sorted(set(re.findall(r"listen (\d+)", stack.nginx)), key=int)
    assert published == {NETWORK: [f"127.0.0.1:{port}:{port}" for port in ports], "mail": ["127.0.0.1:8025:8025"]}
    assert stack.compose["networks"]["inside"] == {"internal": True}
    for name in ("database", ROLE, *COMMANDS):
        assert stack.services[name]["networks"] == ["inside"]
    for name in {*INSTANCES, "nginx", "evershop"} & stack.services.keys():
        # One network, which does not end with a restart of theirs.
        assert stack.services[name]["network_mode"] == f"service:{NETWORK}"
        # nginx, too, finishes what it has begun.
        assert int(stack.services[name]["stop_grace_period"].removesuffix("s")) >= manifest.graceful_timeout() + 5


@each
def test_nginx_finds_what_its_configuration_names(stack: Stack) -> None:
    there = {tuple(stack.variables(name)[part] for part in ("HOST", "PORT")) for name in INSTANCES}
    instances = manifest.found(r"upstream customers (\{.*?\})", stack.nginx)
    dockerfile = stack.services["nginx"]["build"]["dockerfile_inline"]
    configured = manifest.found(r"^COPY (.*) /etc/nginx/$", dockerfile).split()
    copied = {path.rstrip("/") for path in re.findall(r"^COPY .*(/srv\S*)$", dockerfile, re.MULTILINE)}
    sent = {line[1:] for line in (DEPLOY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    mounted = {volume.split(":")[1] for volume in stack.services["nginx"]["volumes"]}

    assert set(re.findall(r"server ([\d.]+):(\d+)", instances)) == there
    assert mounted == set(re.findall(r"ssl_certificate(?:_key)? +(\S+);", stack.nginx))
    assert copied == set(re.findall(r"root +(\S+);", stack.nginx))
    assert {Path(path).name for path in configured} == {"nginx.conf", *re.findall(r"include (\S+);", stack.nginx)}
    assert set(configured) <= sent
    assert {f"customers-{port}" for _, port in there} == set(INSTANCES)  # as the rolling restart names them
