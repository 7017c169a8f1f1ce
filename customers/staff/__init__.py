"""Pages for the shop's staff, on the services that the API stands on."""

from customers.staff import addresses, customers, groups, listing, login
from customers.staff.blueprint import blueprint

__all__ = ["addresses", "blueprint", "customers", "groups", "listing", "login"]  # each module adds its routes
