"""What callers can do, a folder for each resource."""
