"""A customer's addresses."""
