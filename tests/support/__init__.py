"""What the tests share: builders, clients and assertions, each defined once."""
