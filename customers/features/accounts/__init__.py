"""Customers: create, read, list, update, delete."""
