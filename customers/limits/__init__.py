"""Limits on guessing and flooding: attempts are counted in the database, before anything dear is done for them."""
