"""Passwords: changed by the current one, or set with the token of a reset mail."""
