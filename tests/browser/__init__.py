"""The staff's pages in Chromium. `make test-browser` runs these, `make test` does not."""
