"""Tests of groups of customers."""
