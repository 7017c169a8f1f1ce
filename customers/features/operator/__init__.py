"""The `flask` commands of the operator."""
