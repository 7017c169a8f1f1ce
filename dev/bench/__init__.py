"""Measurements, each with a command of its own; none is a test."""
