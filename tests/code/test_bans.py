"""What the code never does. Ruff keeps what is never called or imported (banned-api in pyproject.toml)."""

import re

from tests.conftest import REPOSITORY

MODULES = [*(REPOSITORY / "customers").rglob("*.py"), REPOSITORY / "app.py", REPOSITORY / "wsgi.py"]
CODE = "\n".join(path.read_text() for path in MODULES)


def test_a_regular_expression_is_never_made_of_what_was_sent() -> None:
    """Where a function makes one, its pattern is a constant; those of a module are made before any request comes."""
    made = re.findall(r"^ .*?\bre\.(?!escape\b)[a-z]+\((.*)", CODE, re.MULTILINE)

    assert [arguments for arguments in made if not re.match(r'r?"', arguments)] == []


def test_every_digest_is_a_whole_sha_256() -> None:
    """ASVS 5.0, 11.4.1 and 11.4.3. Of md5() in statements ETags are made, which protect nothing."""
    assert set(re.findall(r"\bhashlib\.(\w+)", CODE)) == {"sha256"}
    assert set(re.findall(r"\bhmac\.(\w+)", CODE)) == {"digest", "compare_digest"}
    assert set(re.findall(r"\bhmac\.digest\(.*, (.+)\)", CODE)) == {'"sha256"'}
    assert not re.search(r"from (hashlib|hmac) import|digest\(.*\)\[", CODE)


def test_statements_write_their_columns_out_and_return_no_hash() -> None:
    assert len(re.findall(r"\btext\(|for_each_kind\(", CODE)) > 50
    assert not re.search(r"\b(SELECT|RETURNING)\s+(\S+\.)?\*", CODE)
    assert not re.search(r'\bRETURNING\b[^"]*\bpassword\b', CODE)
