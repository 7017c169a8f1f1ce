"""The service on the databases of a production: a PostgreSQL of Debian's, with standbys and poolers."""
