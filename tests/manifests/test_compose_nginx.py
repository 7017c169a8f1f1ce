"""deploy/compose.yaml gives nginx what deploy/nginx.conf asks for, under the names it has there."""

import re
from typing import Any

import pytest

from tests.manifests.manifest import DEPLOY, read

NGINX = (DEPLOY / "nginx.conf").read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Return the services by name."""
    (document,) = read((DEPLOY / "compose.yaml").read_text())
    return dict(document["services"])


def test_the_upstreams_are_the_instances(services: dict[str, Any]) -> None:
    block = re.search(r"upstream customers \{.*?\}", NGINX, re.DOTALL)
    assert block

    asked = {tuple(found) for found in re.findall(r"server ([\d.]+):(\d+)", block[0])}

    there = {name: services[name]["environment"] for name in services if name.startswith("customers-")}
    assert asked == {(variables["HOST"], variables["PORT"]) for variables in there.values()}


def test_the_certificate_and_the_shop_are_where_nginx_looks(services: dict[str, Any]) -> None:
    nginx = services["nginx"]
    (root,) = set(re.findall(r"root +(\S+);", NGINX))
    wanted = set(re.findall(r"ssl_certificate(?:_key)? +(\S+);", NGINX))

    assert {volume.split(":")[1] for volume in nginx["volumes"]} == wanted
    assert re.findall(r"^COPY .*(/srv\S*)$", nginx["build"]["dockerfile_inline"], re.MULTILINE) == [root, root + "/"]
    assert (DEPLOY / "shop" / "index.html").is_file()
    assert (DEPLOY.parent / "clients" / "customers.js").is_file()


def test_the_name_is_one_everywhere(services: dict[str, Any]) -> None:
    (name,) = set(re.findall(r"server_name +(\S+);", NGINX))
    variables = services["customers-1"]["environment"]

    assert f"\nname={name} " in (DEPLOY / "prepare.sh").read_text()
    assert variables["CUSTOMERS_RESET_URL"].startswith(f"https://{name}/")
    assert f"CUSTOMERS_RESET_URL={variables['CUSTOMERS_RESET_URL']}" in NGINX
