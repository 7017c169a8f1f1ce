"""All that is stored about one person."""
