"""What no module of the service does: whole classes of attack need it, and nothing here needs them."""

import ast
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.test_layers import imports, reaches

MODULES = [*sorted((REPOSITORY / "customers").rglob("*.py")), REPOSITORY / "app.py", REPOSITORY / "wsgi.py"]

# What takes code, objects, documents or addresses from a text; and randomness that can be foretold.
NOWHERE = (
    *("pickle", "marshal", "shelve", "dill", "jsonpickle"),
    *("xml", "lxml", "defusedxml", "yaml", "ldap", "ldap3"),
    *("memcache", "pymemcache", "redis", "graphql"),
    *("urllib.request", "http.client", "requests", "httpx", "urllib3", "ftplib"),
    "random",
)
# Each at one place, where no caller's text reaches it.
ONLY_IN = {"subprocess": {"embedded.py"}, "smtplib": {"transport.py"}, "ctypes": {"stopping.py"}}
CALLS = {"eval", "exec", "compile", "__import__", "render_template_string", "system", "popen", "md5", "sha1"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_module_runs_or_unpacks_what_it_was_sent_nor_calls_where_it_was_told(path: Path) -> None:
    names = imports(path)

    for module in NOWHERE:
        assert not reaches(names, module), module
    for module, places in ONLY_IN.items():
        assert path.name in places or not reaches(names, module), module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_module_makes_code_or_templates_of_texts_or_weak_digests(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func
            plain = called.id if isinstance(called, ast.Name) else ""
            # re.compile and the like are other functions of the name.
            member = called.attr if isinstance(called, ast.Attribute) and called.attr != "compile" else ""
            assert not {plain, member} & CALLS, ast.unparse(node)
            assert not any(word.arg == "shell" for word in node.keywords), ast.unparse(node)


def test_a_regular_expression_is_never_made_of_what_was_sent() -> None:
    """Where a function makes one, its pattern is a constant; those of a module are made before any request comes."""
    for path in MODULES:
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        for call in (node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)):
            called = call.func
            if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "re" and called.attr != "escape":
                assert isinstance(call.args[0], ast.Constant), f"{path.name}: {ast.unparse(call)}"
