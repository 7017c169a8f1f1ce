"""Pages for the shop's staff, on the services that the API stands on."""
