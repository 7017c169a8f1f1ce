"""The pages, through HTTP; in a real browser they are in tests/browser."""
