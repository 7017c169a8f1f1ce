"""Tests: through HTTP, against a real PostgreSQL."""
