"""The signed cookies of express-session: `s:`, a sid, a dot, its HMAC-SHA256 in base64 (package cookie-signature)."""

import base64
import hmac
from collections.abc import Sequence
from urllib.parse import quote, unquote


def _sign(sid: str, secret: str) -> str:
    mac = hmac.digest(secret.encode(), sid.encode(), "sha256")
    return f"s:{sid}.{base64.b64encode(mac).decode().rstrip('=')}"


def sign(sid: str, secret: str) -> str:
    """Return the value of the cookie that names a sid, as a browser sends it: percent-encoded."""
    return quote(_sign(sid, secret), safe="-_.!~*'()")


def unsign(value: str | None, secrets: Sequence[str]) -> str | None:
    """Return the sid that a cookie's value names, if one of the secrets has signed it; else None."""
    signed = unquote(value or "", errors="replace")
    sid = signed[2:].rpartition(".")[0]
    if not signed.startswith("s:") or not sid or "\0" in sid:
        return None
    right = [hmac.compare_digest(_sign(sid, secret).encode(), signed.encode(errors="replace")) for secret in secrets]
    return sid if any(right) else None
