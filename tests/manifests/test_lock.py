"""The lock of the manifests' validators is complete, as those of the service are."""

from importlib.metadata import distributions

from packaging.utils import canonicalize_name

from tests.test_locks import REPOSITORY, assert_complete


def test_every_package_and_extra_that_a_locked_package_requires_is_locked() -> None:
    packages = next((REPOSITORY / "build/manifests/lib").glob("python*/site-packages"))
    required = {str(canonicalize_name(each.name)): each.requires for each in distributions(path=[str(packages)])}
    assert "check-jsonschema" in required
    assert_complete(REPOSITORY / "dev/requirements-manifests.txt", required.__getitem__)
