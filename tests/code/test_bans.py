"""What the code never does. Ruff keeps what is never called or imported (banned-api in pyproject.toml)."""

import ast
from collections.abc import Iterator

from tests.conftest import REPOSITORY

MODULES = [*sorted((REPOSITORY / "customers").rglob("*.py")), REPOSITORY / "app.py", REPOSITORY / "wsgi.py"]
TREES = {str(path.relative_to(REPOSITORY)): ast.parse(path.read_text()) for path in MODULES}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call in a tree."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_a_regular_expression_is_never_made_of_what_was_sent() -> None:
    """Where a function makes one, its pattern is a constant; those of a module are made before any request comes."""
    for path, tree in TREES.items():
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for call in calls(function):
                if ast.unparse(call.func).startswith("re.") and ast.unparse(call.func) != "re.escape":
                    assert isinstance(call.args[0], ast.Constant), f"{path}: {ast.unparse(call)}"


def test_every_digest_is_a_whole_sha_256() -> None:
    """ASVS 5.0, 11.4.1 and 11.4.3. Of md5() in statements ETags are made, which protect nothing."""
    used, cut = set(), set()
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            assert not isinstance(node, ast.ImportFrom) or node.module not in ("hashlib", "hmac"), path
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "hashlib":
                used.add(node.attr)
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("hmac.") and len(node.args) > 2:
                used.add(ast.unparse(node.args[2]))
            if isinstance(node, ast.Subscript) and "digest(" in ast.unparse(node.value):
                cut.add(path)

    assert used == {"sha256", "'sha256'"}
    assert not cut


def texts(argument: ast.expr) -> str:
    """Return the constant parts of a string."""
    return "".join(str(node.value) for node in ast.walk(argument) if isinstance(node, ast.Constant))


def test_statements_write_their_columns_out_and_feed_no_hash_to_an_answer() -> None:
    seen = 0
    for path, tree in TREES.items():
        for call in calls(tree):
            if isinstance(call.func, ast.Name) and call.func.id in ("text", "for_each_kind", "_for_each_kind"):
                statement = " ".join(texts(call.args[0]).split())
                seen += 1
                assert "SELECT *" not in statement, path
                assert "RETURNING *" not in statement, path
                returned = statement.rpartition("RETURNING ")[2] if "RETURNING " in statement else ""
                assert "password" not in returned, path
    assert seen > 50
