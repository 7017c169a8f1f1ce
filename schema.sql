-- The whole database of the Customers service, in reading order.
--
-- Apply it with `flask init-db` (or `psql --single-transaction --set ON_ERROR_STOP=1 --file schema.sql`). It runs in
-- one transaction and can be applied again and again: to an empty database, to one it made, and to the database of a
-- running EverShop 2. It adds what is missing, never changes or drops what stands, and loses no row. Where existing
-- rows stand in the way it raises an exception that names them, and the transaction leaves nothing behind.
--
-- The first five tables are EverShop's, with its names for tables, columns, constraints and triggers, so that
-- IF NOT EXISTS finds an existing shop's own. Everything after them is this service's.

-- Building an index on a large shop takes longer than a request may; waiting for somebody's lock does not.
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '15s';
-- "already exists, skipping" is what applying again means; nobody needs to read it thirty times.
SET LOCAL client_min_messages = warning;

-- Two processes that apply this file at once take turns; the number is arbitrary but fixed.
SELECT pg_advisory_xact_lock(4715386912);


-- ---------------------------------------------------------------- what stands in the way
-- E-mail addresses are compared without regard to case here; an EverShop may hold one address in two spellings, and
-- only the shop's staff can know which account is the right one.

DO $$
DECLARE
    holder text;
    clashes text;
BEGIN
    FOREACH holder IN ARRAY ARRAY['customer', 'admin_user'] LOOP
        CONTINUE WHEN to_regclass(holder) IS NULL;
        EXECUTE format(
            'SELECT string_agg(spellings, E''\n'')
               FROM (SELECT ''  '' || string_agg(email, '', '' ORDER BY email) AS spellings
                       FROM %I
                      GROUP BY lower(email)
                     HAVING count(*) > 1
                      ORDER BY lower(email)
                      LIMIT 50) AS clash', holder)
           INTO clashes;
        IF clashes IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'unique_violation',
                MESSAGE = format(E'these addresses in table %s differ only by case; '
                                 'change or delete all but one of each, then apply the schema again:\n%s',
                                 holder, clashes);
        END IF;
    END LOOP;
END
$$;


-- ---------------------------------------------------------------- EverShop's tables

CREATE TABLE IF NOT EXISTS customer_group (
    customer_group_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid              uuid NOT NULL DEFAULT gen_random_uuid(),
    group_name        varchar NOT NULL,
    created_at        timestamptz DEFAULT CURRENT_TIMESTAMP,
    updated_at        timestamptz DEFAULT CURRENT_TIMESTAMP
);

-- Row 1 is where every customer without a group belongs. OVERRIDING because the column is GENERATED ALWAYS; setval
-- because an explicit number does not move the sequence behind the identity.
DO $$
BEGIN
    INSERT INTO customer_group (customer_group_id, group_name)
    OVERRIDING SYSTEM VALUE
    VALUES (1, 'Default')
    ON CONFLICT (customer_group_id) DO NOTHING;
    IF FOUND THEN
        PERFORM setval(pg_get_serial_sequence('customer_group', 'customer_group_id'), max(customer_group_id))
           FROM customer_group;
    END IF;
END
$$;

-- An EverShop has a trigger of this name that raises likewise; then ours is not needed.
CREATE OR REPLACE FUNCTION customers_keep_default_group()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = 'Cannot delete the default customer group';
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = 'customer_group'::regclass
                      AND tgname = 'PREVENT_DELETING_THE_DEFAULT_CUSTOMER_GROUP') THEN
        CREATE TRIGGER "PREVENT_DELETING_THE_DEFAULT_CUSTOMER_GROUP"
        BEFORE DELETE ON customer_group
        FOR EACH ROW WHEN (OLD.customer_group_id = 1)
        EXECUTE FUNCTION customers_keep_default_group();
    END IF;
END
$$;


CREATE TABLE IF NOT EXISTS customer (
    customer_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid        uuid NOT NULL DEFAULT gen_random_uuid(),
    status      smallint NOT NULL DEFAULT 1,
    group_id    int DEFAULT 1,
    email       varchar NOT NULL,
    password    varchar NOT NULL,
    full_name   varchar,
    created_at  timestamptz DEFAULT CURRENT_TIMESTAMP,
    updated_at  timestamptz DEFAULT CURRENT_TIMESTAMP,
    meta_data   jsonb DEFAULT '{}',
    CONSTRAINT "EMAIL_UNIQUE" UNIQUE (email),
    CONSTRAINT "CUSTOMER_UUID_UNIQUE" UNIQUE (uuid),
    CONSTRAINT "FK_CUSTOMER_GROUP" FOREIGN KEY (group_id)
        REFERENCES customer_group (customer_group_id) ON DELETE SET NULL
);


CREATE TABLE IF NOT EXISTS customer_address (
    customer_address_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid        uuid NOT NULL DEFAULT gen_random_uuid(),
    customer_id int NOT NULL,
    full_name   varchar,
    telephone   varchar,
    address_1   varchar,
    address_2   varchar,
    postcode    varchar,
    city        varchar,
    province    varchar,
    country     varchar NOT NULL,
    created_at  timestamptz DEFAULT CURRENT_TIMESTAMP,
    updated_at  timestamptz DEFAULT CURRENT_TIMESTAMP,
    is_default  boolean,
    CONSTRAINT "CUSTOMER_ADDRESS_UUID_UNIQUE" UNIQUE (uuid),
    CONSTRAINT "FK_CUSTOMER_ADDRESS" FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE CASCADE
);


CREATE TABLE IF NOT EXISTS admin_user (
    admin_user_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid          uuid NOT NULL DEFAULT gen_random_uuid(),
    status        boolean NOT NULL DEFAULT true,
    email         varchar NOT NULL,
    password      varchar NOT NULL,
    full_name     varchar,
    created_at    timestamptz DEFAULT CURRENT_TIMESTAMP,
    updated_at    timestamptz DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "ADMIN_USER_EMAIL_UNIQUE" UNIQUE (email),
    CONSTRAINT "ADMIN_USER_UUID_UNIQUE" UNIQUE (uuid)
);


CREATE TABLE IF NOT EXISTS reset_password_token (
    reset_password_token_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL,
    token       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "FK_RESET_PASSWORD_TOKEN_CUSTOMER" FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE CASCADE
);


-- ---------------------------------------------------------------- what this service adds

-- A signed-in browser or client, of a customer or of an admin. Not called "session": EverShop has a table of that name.
CREATE TABLE IF NOT EXISTS login_session (
    digest        bytea NOT NULL,       -- SHA-256 of the sid: a stolen copy of this table signs nobody in
    uuid          uuid NOT NULL DEFAULT gen_random_uuid(),      -- the public name, for lists of one's own sessions
    customer_id   int,
    admin_user_id int,
    created_at    timestamptz NOT NULL DEFAULT now(),           -- the login, for what needs a recent one
    last_seen_at  timestamptz NOT NULL DEFAULT now(),           -- moved at most once a minute
    expires_at    timestamptz NOT NULL,                         -- the nearer of idle and absolute end
    ip            inet,
    user_agent    varchar,
    CONSTRAINT login_session_pkey PRIMARY KEY (digest),
    CONSTRAINT login_session_uuid_key UNIQUE (uuid),
    CONSTRAINT login_session_has_one_owner CHECK (num_nonnulls(customer_id, admin_user_id) = 1),
    CONSTRAINT login_session_customer_id_fkey FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE CASCADE,
    CONSTRAINT login_session_admin_user_id_fkey FOREIGN KEY (admin_user_id)
        REFERENCES admin_user (admin_user_id) ON DELETE CASCADE
);

-- All indexes, EverShop's first. Each is made only if it is not there: CREATE INDEX IF NOT EXISTS would keep all writers
-- of a running shop waiting before it looks.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT kind, name, target
          FROM (VALUES
                ('INDEX', 'FK_CUSTOMER_GROUP', 'customer (group_id)'),
                ('INDEX', 'FK_CUSTOMER_ADDRESS', 'customer_address (customer_id)'),

                -- One account per address, whatever its case; also what a login finds its account by.
                ('UNIQUE INDEX', 'customer_email_lower_key', 'customer (lower(email))'),
                ('UNIQUE INDEX', 'admin_user_email_lower_key', 'admin_user (lower(email))'),

                -- EverShop never purges this table; `flask purge` does, oldest first.
                ('INDEX', 'reset_password_token_created_at_idx', 'reset_password_token (created_at)'),

                -- What an account's end, and a purge, find sessions by.
                ('INDEX', 'login_session_customer_id_idx', 'login_session (customer_id)'),
                ('INDEX', 'login_session_admin_user_id_idx', 'login_session (admin_user_id)'),
                ('INDEX', 'login_session_expires_at_idx', 'login_session (expires_at)')
               ) AS listed (kind, name, target)
         WHERE to_regclass(quote_ident(name)) IS NULL
    LOOP
        EXECUTE format('CREATE %s %I ON %s', wanted.kind, wanted.name, wanted.target);
    END LOOP;
END
$$;

-- Which version of this file the database has; `/readyz` compares it with the line below. Raise the number with every
-- change of this file. An older service finds a higher number good enough, so that instances can be upgraded in turn.
CREATE TABLE IF NOT EXISTS customers_schema (
    only_row   boolean NOT NULL DEFAULT true,
    version    int NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customers_schema_pkey PRIMARY KEY (only_row),
    CONSTRAINT customers_schema_has_one_row CHECK (only_row)
);

INSERT INTO customers_schema (version)
VALUES (1) -- schema version
ON CONFLICT (only_row) DO UPDATE
   SET version = excluded.version, applied_at = now()
 WHERE customers_schema.version < excluded.version;
