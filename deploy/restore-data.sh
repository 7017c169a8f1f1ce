#!/bin/sh
# Restore a dump of data alone (pg_dump --data-only --format=custom) into a database that `flask init-db` has made and
# nobody has used yet; all of it or nothing. By the owner of the tables, and then the customers are counted:
#
#     deploy/restore-data.sh customers.dump "$OWNERS_DATABASE_URL" && flask init-db --recount
#
# A plain pg_restore meets the rows that init-db makes: it loses the customers of all groups but the first, or all, and
# counts them twice.
set -eu
[ $# = 2 ] || { echo "usage: $0 DUMP DATABASE_URL" >&2; exit 2; }

script=$(mktemp)
trap 'rm -f "$script"' EXIT

cat > "$script" <<'SQL'
BEGIN;
SET LOCAL client_min_messages = warning;
DO $$
BEGIN
    IF EXISTS (SELECT FROM customer) OR EXISTS (SELECT FROM admin_user) THEN
        RAISE EXCEPTION 'this database has accounts already: restore into a new one';
    END IF;
END
$$;
-- The rows that init-db makes. No trigger counts, or announces to an EverShop, what was there before.
TRUNCATE customer_group, customer_counter, customers_schema CASCADE;
ALTER TABLE customer DISABLE TRIGGER USER;
SQL
pg_restore --data-only --no-owner --no-privileges --file=- "$1" >> "$script"
cat >> "$script" <<'SQL'
RESET search_path;
ALTER TABLE customer ENABLE TRIGGER USER;
COMMIT;
SQL
psql --no-psqlrc --set ON_ERROR_STOP=1 --quiet --output=/dev/null --file="$script" "$2"
