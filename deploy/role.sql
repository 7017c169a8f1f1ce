-- The role that the service runs as in production: it can do all that the service does, and cannot change or delete what
-- is in the audit trail, make admins, or change a table. So whoever takes over the service cannot wipe out the traces.
--
-- Apply it as the role that owns the tables, or as a superuser, after each `flask init-db`; again is harmless. The first
-- time the owner needs CREATEROLE. The owner goes on to run the operator's commands: init-db, create-admin, purge-audit,
-- and imports and exports. The service, and purge and outbox, run as this one.
--
--     psql --set ON_ERROR_STOP=1 --file deploy/role.sql "$OWNERS_DATABASE_URL"
--     psql --command '\password customers_service' "$OWNERS_DATABASE_URL"
--
-- Then CUSTOMERS_DATABASE_URL is postgresql://customers_service:…@host/database. Where nobody sits at a terminal, or for
-- another name, the first command takes both from PGOPTIONS='-c customers.role=… -c customers.password=…'.

DO $$
DECLARE
    role name := coalesce(nullif(current_setting('customers.role', true), ''), 'customers_service');
    password text := nullif(current_setting('customers.password', true), '');
    held record;
    owner name;
BEGIN
    IF to_regclass('audit_log') IS NULL THEN
        RAISE EXCEPTION USING MESSAGE = 'There is no table audit_log: run "flask init-db" first';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', role);
    END IF;

    -- Rights mean nothing to a superuser, and an owner gives them to itself.
    SELECT pg_get_userbyid(relowner)
      INTO owner
      FROM pg_class
     WHERE oid = 'audit_log'::regclass;
    IF pg_has_role(role, owner, 'MEMBER') THEN
        RAISE EXCEPTION USING
            MESSAGE = format('%I can do all that %I can, who owns the tables: it must be another role', role, owner);
    END IF;
    IF password IS NOT NULL THEN
        EXECUTE format('ALTER ROLE %I PASSWORD %L', role, password);
    END IF;

    -- The service sets no timeouts itself: so they hold behind PgBouncer, too. Waiting for a lock counts as part of the
    -- statement. Every statement finds its rows by index; a merge join may read a whole table where PostgreSQL's
    -- statistics know early customers alone. What an operator has set otherwise stays.
    FOR held IN
        SELECT setting, value
          FROM (VALUES
                ('statement_timeout', '5s'),
                ('idle_in_transaction_session_timeout', '10s'),
                ('enable_mergejoin', 'off')
               ) AS listed (setting, value)
         WHERE NOT EXISTS (
               SELECT
                 FROM pg_roles
                CROSS JOIN unnest(rolconfig) AS configured
                WHERE rolname = role
                  AND starts_with(configured, setting || '='))
    LOOP
        EXECUTE format('ALTER ROLE %I SET %I TO %L', role, held.setting, held.value);
    END LOOP;

    IF NOT has_database_privilege(role, current_database(), 'CONNECT') THEN
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    END IF;
    IF NOT has_schema_privilege(role, current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role);
    END IF;
    EXECUTE format('GRANT EXECUTE ON FUNCTION customers_fold(text), customers_time(timestamptz), '
                   'customers_count_attempt(bytea[], int[], int[], int[], int), '
                   'customers_forgive_attempts(bytea[], bytea[]) TO %I', role);

    -- Numbers come from identity columns, which need no right to a sequence. Addresses, sessions and tokens that go with
    -- their customer are deleted in the name of the tables' owner.
    FOR held IN
        SELECT relation, rights
          FROM (VALUES
                ('customer_group', 'SELECT, INSERT, UPDATE, DELETE'),
                ('customer', 'SELECT, INSERT, UPDATE, DELETE'),
                ('customer_address', 'SELECT, INSERT, UPDATE, DELETE'),
                ('pending_customer', 'SELECT, INSERT, UPDATE, DELETE'),
                ('reset_password_token', 'SELECT, INSERT, UPDATE, DELETE'),
                ('login_session', 'SELECT, INSERT, UPDATE, DELETE'),
                ('login_network', 'SELECT, INSERT, UPDATE, DELETE'),
                ('attempt_counter', 'SELECT, INSERT, UPDATE, DELETE'),
                ('outbox_mail', 'SELECT, INSERT, UPDATE, DELETE'),
                ('idempotency_key', 'SELECT, INSERT, UPDATE, DELETE'),
                -- At a login a weak hash is renewed, and the row is locked, which needs a right to change it. Nothing
                -- else: admins are made from the command line.
                ('admin_user', 'SELECT, UPDATE (password)'),
                -- Written by the triggers on customer, with their owner's rights.
                ('customer_counter', 'SELECT'),
                ('customers_schema', 'SELECT'),
                -- What this file is for.
                ('audit_log', 'SELECT, INSERT'),
                -- EverShop's triggers copy each changed customer there, in the name of whoever changes it.
                ('event', 'INSERT'),
                -- Sessions shared with an EverShop; a login moves the cart, and the order just made.
                ('session', 'SELECT, INSERT, UPDATE, DELETE'),
                ('cart', 'SELECT, UPDATE'),
                ('order', 'SELECT, UPDATE')
               ) AS listed (relation, rights)
         WHERE to_regclass(relation) IS NOT NULL
           AND (relation NOT IN ('session', 'cart', 'order')
                OR to_regprocedure('customers_evershop_guard()') IS NOT NULL)  -- after flask init-db --evershop
    LOOP
        -- First what an earlier version of this file gave, or somebody by hand.
        EXECUTE format('REVOKE ALL ON %I FROM %I', held.relation, role);
        EXECUTE format('GRANT %s ON %I TO %I', held.rights, held.relation, role);
    END LOOP;
    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC;
END
$$;
