"""deploy/compose.yaml: valid by Compose's schema, confined, and in keeping with the service."""

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from customers.config import load
from tests.manifests import manifest
from tests.manifests.manifest import DEPLOY, DOCKERFILE, SETTINGS

TEXT = (DEPLOY / "compose.yaml").read_text()
NGINX = (DEPLOY / "nginx.conf").read_text()
COMPOSE: dict[str, Any] = manifest.read(TEXT)[0]
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

INSTANCES = ("customers-8000", "customers-8001")
COMMANDS = {"migrate": "init-db", "purge": "purge"}
ROLE = "role"
NETWORK = "shop"
OTHERS = ("database", "nginx", "mail")

# The variables of each container: the image's, and its own, with something for each secret.
IMAGE = dict(pair.split("=", 1) for pair in manifest.found(r"^ENV (.*?)\n\n", DOCKERFILE.replace("\\\n", " ")).split())
VARIABLES = {
    name: IMAGE
    | {key: re.sub(r"\$\{(\w+):\?[^}]*\}", r"\1" * 4, value) for key, value in service.get("environment", {}).items()}
    for name, service in SERVICES.items()
}


def test_it_is_valid_and_the_service_starts_with_its_variables() -> None:
    manifest.validate("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")
    for name in (*INSTANCES, *COMMANDS):
        settings = load(VARIABLES[name])

        assert SERVICES[name]["environment"].keys() <= SETTINGS
        assert (settings.cookie_secure, settings.trusted_proxies, settings.host) == (True, 1, "127.0.0.1")
        assert urlsplit(settings.database_url).hostname == "database"
        assert urlsplit(settings.smtp_url).hostname == "mail"


def test_the_migration_is_the_owners_and_what_serves_has_the_restricted_role() -> None:
    """Everything ran as PostgreSQL's superuser: the trail could be emptied, whatever role.sql says."""
    database, role = VARIABLES["database"], VARIABLES[ROLE]
    owner = [database[f"POSTGRES_{name}"] for name in ("USER", "PASSWORD", "DB")]
    urls = {name: urlsplit(VARIABLES[name]["CUSTOMERS_DATABASE_URL"]) for name in (*INSTANCES, *COMMANDS)}

    assert [urls["migrate"].username, urls["migrate"].password, urls["migrate"].path[1:]] == owner
    assert [role[name] for name in ("PGUSER", "PGPASSWORD", "PGDATABASE", "PGHOST")] == [*owner, "database"]
    assert SERVICES[ROLE]["command"] == ["psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "/role.sql"]
    assert SERVICES[ROLE]["volumes"] == ["./role.sql:/role.sql:ro"]
    for name in (*INSTANCES, "purge"):
        assert urls[name].username == manifest.ROLE != owner[0]
        assert role["PGOPTIONS"] == f"-c customers.password={urls[name].password}"


def test_schema_and_role_are_there_before_the_instances() -> None:
    done = "service_completed_successfully"
    for name in (*INSTANCES, "purge"):
        assert SERVICES[name]["depends_on"] == {ROLE: {"condition": done}}
    assert SERVICES[ROLE]["depends_on"] == {"migrate": {"condition": done}}
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert SERVICES["nginx"]["depends_on"] == {name: {"condition": "service_healthy"} for name in INSTANCES}
    for name, command in COMMANDS.items():
        assert re.findall(r"\bflask ([a-z-]+)", " ".join(SERVICES[name]["command"])) == [command]
        assert command in manifest.served(VARIABLES["migrate"])[1]


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
    assert {name for name, _ in secrets} == set(re.findall(r"\$\{(\w+)", TEXT))
    assert len({value for _, value in secrets}) == 6


def test_without_the_secrets_nothing_starts_and_none_is_in_the_file() -> None:
    used = re.findall(r"\$\{([^}]*)\}", TEXT)

    assert len(used) > 5
    assert all(re.fullmatch(r"\w+:\?run \./prepare\.sh first", variable) for variable in used)
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET|KEY", name) or value.startswith("${")


def test_everything_is_confined_bounded_pinned_and_checked_or_serves_nothing() -> None:
    """`nginx:1.28-bookworm` is another image each month, and Mailpit had published faults up to 1.30.5."""
    for name, service in SERVICES.items():
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
    assert [name for name, service in SERVICES.items() if "cap_add" in service] == ["nginx"]
    assert manifest.pinned(manifest.found(r"^ARG BASE=(\S+)$", DOCKERFILE))
    assert manifest.pinned(manifest.found(r"^FROM (\S+)$", SERVICES["nginx"]["build"]["dockerfile_inline"]))
    assert not manifest.pinned("docker.io/library/nginx:1.28-bookworm")
    mailpit = SERVICES["mail"]["image"].rpartition(":v")[2]
    assert tuple(int(part) for part in mailpit.split(".")) >= (1, 30, 6)


def test_only_the_shop_and_the_catcher_of_mail_can_be_reached() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {NETWORK: ["127.0.0.1:80:80", "127.0.0.1:443:443"], "mail": ["127.0.0.1:8025:8025"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("database", ROLE, *COMMANDS):
        assert SERVICES[name]["networks"] == ["inside"]
    for name in (*INSTANCES, "nginx"):  # whose network is one, and not ended by a restart of theirs
        assert SERVICES[name]["network_mode"] == f"service:{NETWORK}"
        # nginx, too, finishes what it has begun.
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= manifest.graceful_timeout() + 5


def test_nginx_finds_what_its_configuration_names() -> None:
    there = {(SERVICES[name]["environment"]["HOST"], SERVICES[name]["environment"]["PORT"]) for name in INSTANCES}
    (root,) = set(re.findall(r"root +(\S+);", NGINX))
    (shop,) = set(re.findall(r"server_name +(\S+);", NGINX))
    reset_url = VARIABLES["customers-8000"]["CUSTOMERS_RESET_URL"]
    copied = re.findall(r"^COPY .*(/srv\S*)$", SERVICES["nginx"]["build"]["dockerfile_inline"], re.MULTILINE)
    mounted = {volume.split(":")[1] for volume in SERVICES["nginx"]["volumes"]}

    assert set(re.findall(r"server ([\d.]+):(\d+)", manifest.found(r"upstream customers (\{.*?\})", NGINX))) == there
    assert {f"customers-{port}" for _, port in there} == set(INSTANCES)  # as the rolling restart names them
    assert mounted == set(re.findall(r"ssl_certificate(?:_key)? +(\S+);", NGINX))
    assert copied == [root, root + "/"]
    assert f"\nname={shop} " in (DEPLOY / "prepare.sh").read_text()
    assert reset_url.startswith(f"https://{shop}/")
