"""The service as a shop deploys it: behind a real nginx, on a real PostgreSQL. `make test-deploy` runs these alone."""
