"""The service as a shop deploys it, with the real parts around it. `make test-deploy` runs these alone."""
