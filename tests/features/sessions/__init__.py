"""Tests of signing in and out, and sessions."""
