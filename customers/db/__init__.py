"""The database: connections and transactions, constraint names, the schema, what is purged."""
