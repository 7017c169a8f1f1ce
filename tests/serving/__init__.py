"""Tests of the service as gunicorn runs it."""
