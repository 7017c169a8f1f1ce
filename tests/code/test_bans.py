"""What the code never does; import-linter keeps who may import whom (.importlinter)."""

import ast
from collections.abc import Iterator

from tests.conftest import REPOSITORY

MODULES = [*sorted((REPOSITORY / "customers").rglob("*.py")), REPOSITORY / "app.py", REPOSITORY / "wsgi.py"]
TREES = {str(path.relative_to(REPOSITORY)): ast.parse(path.read_text()) for path in MODULES}

# What takes code, objects, documents or addresses from a text; and what reaches into the interpreter.
NOWHERE = (
    *("pickle", "marshal", "shelve", "dill", "jsonpickle", "ctypes", "subprocess"),
    *("xml", "lxml", "defusedxml", "yaml", "ldap", "ldap3"),
    *("memcache", "pymemcache", "redis", "graphql"),
    *("urllib.request", "http.client", "requests", "httpx", "urllib3", "ftplib"),
)
# Each at one place: where no caller's text reaches it, and where what can be foretold is no secret.
ONLY_IN = {"smtplib": "customers/mail/smtp.py", "random": "customers/http/request.py"}
CALLS = {"eval", "exec", "compile", "__import__", "render_template_string", "system", "popen", "md5", "sha1"}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call in a tree."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def imports(tree: ast.AST) -> set[str]:
    """Return the full names that a module imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def reaches(names: set[str], module: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for name in names)


def test_no_module_runs_or_unpacks_what_it_was_sent_nor_calls_where_it_was_told() -> None:
    for path, tree in TREES.items():
        names = imports(tree)
        assert [module for module in NOWHERE if reaches(names, module)] == [], path
        assert [module for module, place in ONLY_IN.items() if reaches(names, module) and path != place] == [], path


def test_no_module_makes_code_or_templates_of_texts_or_weak_digests() -> None:
    for path, tree in TREES.items():
        for call in calls(tree):
            plain = call.func.id if isinstance(call.func, ast.Name) else ""
            # re.compile and the like are other functions of the name.
            member = call.func.attr if isinstance(call.func, ast.Attribute) and call.func.attr != "compile" else ""
            assert not {plain, member} & CALLS, f"{path}: {ast.unparse(call)}"
            assert not any(word.arg == "shell" for word in call.keywords), f"{path}: {ast.unparse(call)}"


def test_a_regular_expression_is_never_made_of_what_was_sent() -> None:
    """Where a function makes one, its pattern is a constant; those of a module are made before any request comes."""
    for path, tree in TREES.items():
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for call in calls(function):
                if (
                    isinstance(call.func, ast.Attribute)
                    and ast.unparse(call.func.value) == "re"
                    and call.func.attr != "escape"
                ):
                    assert isinstance(call.args[0], ast.Constant), f"{path}: {ast.unparse(call)}"


def test_every_digest_is_a_whole_sha_256() -> None:
    """ASVS 5.0, 11.4.1 and 11.4.3. Of md5() in statements ETags are made, which protect nothing."""
    names = set().union(*(imports(tree) for tree in TREES.values()))
    used, cut = set(), set()
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "hashlib":
                used.add(node.attr)
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("hmac.") and len(node.args) > 2:
                used.add(ast.unparse(node.args[2]))
            if isinstance(node, ast.Subscript) and "digest(" in ast.unparse(node.value):
                cut.add(path)

    assert not any(name.startswith(("hashlib.", "hmac.")) for name in names)
    assert used == {"sha256", "'sha256'"}
    assert not cut


def texts(argument: ast.expr) -> str:
    """Return the constant parts of a string."""
    return "".join(str(node.value) for node in ast.walk(argument) if isinstance(node, ast.Constant))


def test_statements_write_their_columns_out_and_feed_no_hash_to_an_answer() -> None:
    seen = 0
    for path, tree in TREES.items():
        for call in calls(tree):
            if isinstance(call.func, ast.Name) and call.func.id in ("text", "for_each_kind"):
                statement = " ".join(texts(call.args[0]).split())
                seen += 1
                assert "SELECT *" not in statement, path
                assert "RETURNING *" not in statement, path
                returned = statement.rpartition("RETURNING ")[2] if "RETURNING " in statement else ""
                assert "password" not in returned, path
    assert seen > 50
