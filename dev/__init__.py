"""What only developers run: the embedded PostgreSQL of `make run` and the tests, benchmarks, the fuzz."""
