"""The pages in a real browser: Chromium, against a running service. `make test-browser` runs these, `make test` not."""
