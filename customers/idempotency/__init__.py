"""Safe retries: a POST that creates, sent again with its Idempotency-Key, creates nothing twice."""
