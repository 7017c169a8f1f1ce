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

-- Which version of the schema this file makes; `/readyz` compares it with what the database has. Raise the number with
-- every change of what is made. An older service finds a higher number good enough, so that instances can be upgraded in
-- turn; its own file, which a rollback applies again, changes nothing then: its functions would replace newer ones.
SET LOCAL customers.schema_version = 7;

DO $$
DECLARE
    applied int;
BEGIN
    IF to_regclass('customers_schema') IS NOT NULL THEN
        SELECT version INTO applied FROM customers_schema;
        IF applied > current_setting('customers.schema_version')::int THEN
            RAISE EXCEPTION USING
                ERRCODE = 'SV001',  -- of our own
                MESSAGE = format('the database has version %s of the schema, which is newer', applied);
        END IF;
    END IF;
END
$$;


-- ---------------------------------------------------------------- how texts are compared and times are written

-- E-mails and names are compared without regard to case, by this function alone. Its collation cannot be Turkish, whatever
-- the database's locale: there lower('INFO') is not 'info'. Which collation it is, is decided once, by what this PostgreSQL
-- has: it must not change under the indexes that are made of it.
DO $$
DECLARE
    chosen text;
BEGIN
    IF to_regprocedure('customers_fold(text)') IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT quote_ident(collname)
      INTO chosen
      FROM pg_collation
      JOIN (VALUES ('pg_c_utf8', 1), ('C.utf8', 2), ('C.UTF-8', 2), ('und-x-icu', 3), ('C', 4)) AS wanted (name, place)
        ON wanted.name = collname
     WHERE collnamespace = 'pg_catalog'::regnamespace
       AND collencoding IN (-1, (SELECT encoding FROM pg_database WHERE datname = current_database()))
     ORDER BY place
     LIMIT 1;
    EXECUTE format('CREATE FUNCTION customers_fold(value text) RETURNS text
                    LANGUAGE sql IMMUTABLE PARALLEL SAFE
                    RETURN lower(value COLLATE pg_catalog.%s)', chosen);
END
$$;

-- A time as it is answered: in UTC, to the second, with a year of four digits; null if it cannot be written so.
CREATE OR REPLACE FUNCTION customers_time(moment timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN moment >= '0001-01-01 00:00:00+00'::timestamptz AND moment < '10000-01-01 00:00:00+00'::timestamptz
            THEN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') END;


-- ---------------------------------------------------------------- what stands in the way
-- E-mail addresses and names of groups are compared without regard to case here; an EverShop may hold one in two
-- spellings, and only the shop's staff can know which is the right one.

DO $$
DECLARE
    holder record;
    clashes text;
BEGIN
    FOR holder IN
        SELECT relation, attribute, things
          FROM (VALUES ('customer', 'email', 'e-mails'),
                       ('admin_user', 'email', 'e-mails'),
                       ('customer_group', 'group_name', 'names')) AS holders (relation, attribute, things)
         WHERE to_regclass(relation) IS NOT NULL
    LOOP
        EXECUTE format(
            'SELECT string_agg(spellings, E''\n'')
               FROM (SELECT ''  '' || string_agg(%1$I, '', '' ORDER BY %1$I) AS spellings
                       FROM %2$I
                      GROUP BY customers_fold(%1$I)
                     HAVING count(*) > 1
                      ORDER BY customers_fold(%1$I)
                      LIMIT 50) AS clash', holder.attribute, holder.relation)
           INTO clashes;
        IF clashes IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'unique_violation',
                MESSAGE = format(E'these %s in table %s differ only by case; '
                                 'change or delete all but one of each, then apply the schema again:\n%s',
                                 holder.things, holder.relation, clashes);
        END IF;
    END LOOP;
END
$$;

-- At most one default address for a customer is kept by an index here. Which of several is meant is told to nobody, so
-- it is the shop's to say: `flask init-db --repair-defaults` sets the setting that this looks at, and the newest stays.

DO $$
DECLARE
    clashes text;
BEGIN
    IF to_regclass('customer_address') IS NULL THEN
        RETURN;
    END IF;
    IF current_setting('customers.repair_defaults', true) = 'on' THEN
        UPDATE customer_address
           SET is_default = false
         WHERE is_default
           AND EXISTS (SELECT
                         FROM customer_address AS newer
                        WHERE newer.customer_id = customer_address.customer_id
                          AND newer.is_default
                          AND newer.customer_address_id > customer_address.customer_address_id);
        RETURN;
    END IF;
    SELECT string_agg('  ' || email || ': ' || addresses, E'\n')
      INTO clashes
      FROM (SELECT customer.email, string_agg(customer_address.uuid::text, ', ' ORDER BY customer_address_id) AS addresses
              FROM customer_address
              JOIN customer USING (customer_id)
             WHERE customer_address.is_default
             GROUP BY customer.customer_id
            HAVING count(*) > 1
             ORDER BY customer.customer_id
             LIMIT 50) AS clash;
    IF clashes IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'unique_violation',
            MESSAGE = 'these customers have several default addresses; leave each one, or apply the schema with '
                      '"flask init-db --repair-defaults", which leaves the newest:' || E'\n' || clashes;
    END IF;
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

-- Customers who registered with status 0, until an admin sets a status: they cannot sign in, but a reset mail goes to them,
-- and its token makes them active. So nobody locks an owner out by registering the owner's e-mail as inactive.
CREATE TABLE IF NOT EXISTS pending_customer (
    customer_id int NOT NULL,
    CONSTRAINT pending_customer_pkey PRIMARY KEY (customer_id),
    CONSTRAINT pending_customer_customer_id_fkey FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE CASCADE
);

-- Mail that waits to be sent, or could not be, or was: kept for a while, for what must not be sent too often. It is
-- written in the transaction of what it tells of. A request for a new password is a row here whether or not the address
-- has an account, so that it takes the same time; the sender finds out, and makes the secret, which is stored nowhere.
CREATE TABLE IF NOT EXISTS outbox_mail (
    outbox_mail_id  bigint GENERATED ALWAYS AS IDENTITY,
    kind            varchar NOT NULL,
    recipient       varchar NOT NULL,
    customer_id     int,                                        -- as soon as it is known; null again when deleted
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    attempts        int NOT NULL DEFAULT 0,
    sent_at         timestamptz,
    failed_at       timestamptz,                                -- given up: never tried again by itself
    last_error      varchar,
    CONSTRAINT outbox_mail_pkey PRIMARY KEY (outbox_mail_id),
    CONSTRAINT outbox_mail_customer_id_fkey FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE SET NULL
);

-- Which request with an Idempotency-Key created what, for 24 hours. Written in the transaction that creates, so that either
-- both are there or neither. Digests only: a key may be a secret, and a body may hold a password.
CREATE TABLE IF NOT EXISTS idempotency_key (
    digest         bytea NOT NULL,      -- of the caller and the key
    request_digest bytea NOT NULL,      -- of method, path and body; keyed with the secret key
    created_uuid   uuid NOT NULL,       -- of the customer, address or group
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (digest)
);

-- The networks that an account has signed in from. While strangers guess its password from everywhere, those of the last
-- 30 days may still try.
CREATE TABLE IF NOT EXISTS login_network (
    login_network_id bigint GENERATED ALWAYS AS IDENTITY,
    customer_id      int,
    admin_user_id    int,
    network          cidr NOT NULL,                             -- an IPv4 address or an IPv6 /64
    last_login_at    timestamptz NOT NULL DEFAULT now(),        -- moved at most once a day
    CONSTRAINT login_network_pkey PRIMARY KEY (login_network_id),
    CONSTRAINT login_network_customer_id_key UNIQUE (customer_id, network),
    CONSTRAINT login_network_admin_user_id_key UNIQUE (admin_user_id, network),
    CONSTRAINT login_network_has_one_owner CHECK (num_nonnulls(customer_id, admin_user_id) = 1),
    CONSTRAINT login_network_customer_id_fkey FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE CASCADE,
    CONSTRAINT login_network_admin_user_id_fkey FOREIGN KEY (admin_user_id)
        REFERENCES admin_user (admin_user_id) ON DELETE CASCADE
);

-- What is counted for the limits on attempts: guesses by account, by network and by both, registrations, reset requests.
-- UNLOGGED: a crash empties it, which forgives a few guesses, and no counting waits for a disk.
CREATE UNLOGGED TABLE IF NOT EXISTS attempt_counter (
    digest     bytea NOT NULL,          -- SHA-256 of what is counted: no e-mail that somebody has tried is stored
    attempts   int NOT NULL,            -- those under way included
    open_at    timestamptz NOT NULL,    -- no attempt before
    expires_at timestamptz NOT NULL,    -- counts for nothing any more
    told       boolean NOT NULL DEFAULT false,                  -- whether an attempt has been refused since it closed
    CONSTRAINT attempt_counter_pkey PRIMARY KEY (digest)
) WITH (fillfactor = 50);

-- Count an attempt before it is looked at, by all of its limits or by none, or say which limit refuses it. Several of one
-- account or network at once take turns here, each for a moment only, so no more begin than may.
--
-- The elements of the four arrays at one place are a limit. `digests`: what is counted. `most`: the number of the attempt
-- that closes it. Where `longest` is null, it is a window that ends `memory` seconds after its first attempt. Else it closes
-- for a pause that doubles from a second to `longest`, and is forgotten `memory` seconds after the last attempt. The limit
-- number `passed` is left out. A row comes back in any case: `refused_by` is the number of the limit, null if the attempt
-- has been counted; `seconds` is when to try again, rounded up; `is_first` whether it is the first refusal since the limit
-- closed. But for `is_first`, which is noted, a refusal writes nothing.
--
-- The two settings, here and below: a plan that was made while the table was empty would read all of a table that has
-- grown, and one for arrays as parameters would be made again at each execution.
CREATE OR REPLACE FUNCTION customers_count_attempt(
    digests bytea[], most int[], longest int[], memory int[], passed int,
    OUT refused_by int, OUT seconds int, OUT is_first boolean)
LANGUAGE plpgsql
SET enable_seqscan TO off
SET plan_cache_mode TO force_generic_plan
AS $$
DECLARE
    closed record;
    moment timestamptz;
BEGIN
    is_first := false;
    FOR look IN 1 .. 2 LOOP
        SELECT digest, open_at, told, array_position(digests, digest) AS place
          INTO closed
          FROM attempt_counter
         WHERE digest = ANY(digests)
           AND open_at > clock_timestamp()
           AND digest IS DISTINCT FROM digests[passed]
         ORDER BY open_at DESC
         LIMIT 1;
        IF FOUND THEN
            refused_by := closed.place;
            seconds := greatest(1, ceil(extract(epoch FROM closed.open_at - clock_timestamp())));
            IF NOT closed.told THEN
                UPDATE attempt_counter SET told = true WHERE digest = closed.digest AND NOT told;
                is_first := FOUND;
            END IF;
            RETURN;
        END IF;
        -- Nothing is closed at a glance: lock the rows, in the order of the digests, so that attempts never wait in a
        -- circle, and look again.
        IF look = 1 THEN
            INSERT INTO attempt_counter AS counter (digest, attempts, open_at, expires_at)
            SELECT wanted.digest, 0, now(), now() + make_interval(secs => wanted.memory)
              FROM unnest(digests, memory) AS wanted (digest, memory)
             ORDER BY wanted.digest
                ON CONFLICT ON CONSTRAINT attempt_counter_pkey DO UPDATE
               SET attempts = CASE WHEN counter.expires_at > now() THEN counter.attempts ELSE 0 END,
                   expires_at = greatest(counter.expires_at,
                                         CASE WHEN counter.expires_at <= now() THEN excluded.expires_at END);
        END IF;
    END LOOP;

    moment := clock_timestamp();
    UPDATE attempt_counter AS counter
       SET attempts = counter.attempts + 1,
           told = false,
           open_at = CASE WHEN counter.attempts + 1 < wanted.most THEN counter.open_at
                          WHEN wanted.longest IS NULL THEN counter.expires_at
                          ELSE moment + make_interval(secs => least(
                               wanted.longest, 2 ^ least(counter.attempts + 1 - wanted.most, 30))) END,
           expires_at = CASE WHEN wanted.longest IS NULL THEN counter.expires_at
                             ELSE moment + make_interval(secs => wanted.memory) END
      FROM unnest(digests, most, longest, memory) WITH ORDINALITY AS wanted (digest, most, longest, memory, place)
     WHERE counter.digest = ANY(digests)        -- a plan made while there were few rows reads no others
       AND counter.digest = wanted.digest
       AND wanted.place IS DISTINCT FROM passed;

    -- Each attempt clears away more than it adds, so the table needs nobody to keep it small.
    DELETE FROM attempt_counter
     WHERE digest = ANY(ARRAY(
           SELECT digest
             FROM attempt_counter
            WHERE expires_at <= now()
            ORDER BY expires_at
            LIMIT 20
              FOR UPDATE SKIP LOCKED));
END
$$;

-- Forgive attempts: those that `cleared` names are forgotten, those that `given_back` names count one less. The rows are
-- locked in the order of the digests, as counting locks them, so that nobody waits in a circle.
CREATE OR REPLACE FUNCTION customers_forgive_attempts(cleared bytea[], given_back bytea[])
RETURNS void
LANGUAGE plpgsql
SET enable_seqscan TO off
SET plan_cache_mode TO force_generic_plan
AS $$
BEGIN
    PERFORM
       FROM attempt_counter
      WHERE digest = ANY(cleared || given_back)
      ORDER BY digest
        FOR UPDATE;
    DELETE FROM attempt_counter
     WHERE digest = ANY(cleared || given_back)
       AND (attempts <= 1 OR digest = ANY(cleared));
    UPDATE attempt_counter
       SET attempts = attempts - 1,
           open_at = least(open_at, now())
     WHERE digest = ANY(given_back);
END
$$;

-- Whatever changes who owns an account makes every secret of its reset mails useless for good, whoever changes it and by
-- whatever path: a secret belongs to the account as it was when it was asked for. A new status ends the wait for one, and
-- the sessions of who is disabled, by an EverShop too, do not come back when enabled. A new hash ends no session here: a
-- login renews old ones.
CREATE OR REPLACE FUNCTION customers_account_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM reset_password_token WHERE customer_id = NEW.customer_id;
    IF NEW.status IS DISTINCT FROM OLD.status THEN
        DELETE FROM pending_customer WHERE customer_id = NEW.customer_id;
        DELETE FROM login_session WHERE customer_id = NEW.customer_id AND NEW.status IS DISTINCT FROM 1;
    END IF;
    RETURN NULL;
END
$$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION customers_account_changed() SET search_path = %I, pg_temp', current_schema());
    IF NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = 'customer'::regclass
                      AND tgname = 'customers_account_changed') THEN
        CREATE TRIGGER customers_account_changed
        AFTER UPDATE OF email, password, status ON customer
        FOR EACH ROW
        WHEN ((OLD.email, OLD.password, OLD.status) IS DISTINCT FROM (NEW.email, NEW.password, NEW.status))
        EXECUTE FUNCTION customers_account_changed();
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION customers_admin_disabled()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM login_session WHERE admin_user_id = NEW.admin_user_id;
    RETURN NULL;
END
$$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION customers_admin_disabled() SET search_path = %I, pg_temp', current_schema());
    IF NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = 'admin_user'::regclass
                      AND tgname = 'customers_admin_disabled') THEN
        CREATE TRIGGER customers_admin_disabled
        AFTER UPDATE OF status ON admin_user
        FOR EACH ROW
        WHEN (OLD.status AND NEW.status IS NOT TRUE)
        EXECUTE FUNCTION customers_admin_disabled();
    END IF;
END
$$;

-- How many customers there are, in parts: the sum is the number. A transaction that adds or removes customers changes a
-- part that no other transaction is changing, or makes a new one, so that writers never wait for each other; there are
-- as many parts as there were writers at once.
CREATE TABLE IF NOT EXISTS customer_counter (
    slot      int GENERATED ALWAYS AS IDENTITY,
    customers bigint NOT NULL,          -- may be negative: a part counts what its transactions added and removed
    CONSTRAINT customer_counter_pkey PRIMARY KEY (slot)
) WITH (fillfactor = 10);               -- room on the page for new versions of a row, which are cleared away from there

-- Kept by triggers, so that it is right whoever writes, an EverShop included. The lowest free part, so that a transaction
-- of many statements stays with its own. Above READ COMMITTED a part that has changed since the transaction began cannot
-- be changed, so there it makes a new one.
CREATE OR REPLACE FUNCTION customers_count()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$  -- whoever may write customers need not have rights to the counter
DECLARE
    change bigint;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- It takes rows that an older snapshot does not show, but DELETE would leave their parts.
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION USING
                ERRCODE = 'feature_not_supported',
                MESSAGE = 'TRUNCATE of table customer needs the isolation level READ COMMITTED; DELETE does not';
        END IF;
        DELETE FROM customer_counter;
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        change := (SELECT count(*) FROM added);
    ELSE
        change := (SELECT -count(*) FROM removed);
    END IF;
    IF change = 0 THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') = 'read committed' THEN
        UPDATE customer_counter
           SET customers = customers + change
         WHERE slot = (
               SELECT slot
                 FROM customer_counter
                ORDER BY slot
                LIMIT 1
                  FOR UPDATE SKIP LOCKED);
    END IF;
    IF NOT FOUND THEN
        INSERT INTO customer_counter (customers) VALUES (change);
    END IF;
    RETURN NULL;
END
$$;

-- A function with its definer's rights must find its table and no other's of the same name.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION customers_count() SET search_path = %I, pg_temp', current_schema());
END
$$;

-- Counted once, when the triggers are made, which keeps writers waiting until both are there; and again when an operator
-- asks for it with `flask init-db --recount`, after rows were loaded with triggers switched off.
DO $$
DECLARE
    counted boolean := EXISTS (SELECT FROM pg_trigger
                                WHERE tgrelid = 'customer'::regclass
                                  AND tgname = 'customers_count_added');
BEGIN
    IF counted AND current_setting('customers.recount', true) IS DISTINCT FROM 'on' THEN
        RETURN;
    END IF;
    LOCK TABLE customer IN SHARE ROW EXCLUSIVE MODE;
    IF NOT counted THEN
        CREATE TRIGGER customers_count_added
        AFTER INSERT ON customer
        REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT
        EXECUTE FUNCTION customers_count();

        CREATE TRIGGER customers_count_removed
        AFTER DELETE ON customer
        REFERENCING OLD TABLE AS removed
        FOR EACH STATEMENT
        EXECUTE FUNCTION customers_count();

        CREATE TRIGGER customers_count_truncated
        AFTER TRUNCATE ON customer
        FOR EACH STATEMENT
        EXECUTE FUNCTION customers_count();
    END IF;
    DELETE FROM customer_counter;
    INSERT INTO customer_counter (customers)
    SELECT count(*)
      FROM customer;
END
$$;

-- Who did what to whom, when, and from where. No foreign keys: a row outlives what it is about. It holds no secret and no
-- e-mail address. Null where there is nobody: an unknown address, a command.
CREATE TABLE IF NOT EXISTS audit_log (
    audit_log_id bigint GENERATED ALWAYS AS IDENTITY,
    created_at   timestamptz NOT NULL DEFAULT now(),
    event        varchar NOT NULL,      -- the list is in customers/security/trail.py
    actor_kind   varchar NOT NULL,
    actor_uuid   uuid,
    subject_kind varchar,
    subject_uuid uuid,
    ip           inet,
    user_agent   varchar,
    request_id   varchar,               -- by which the log has its line
    details      jsonb NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (audit_log_id),
    CONSTRAINT audit_log_actor_kind CHECK (actor_kind IN ('anonymous', 'customer', 'admin', 'operator')),
    CONSTRAINT audit_log_subject_kind CHECK (subject_kind IN ('customer', 'admin', 'group')),
    CONSTRAINT audit_log_has_a_whole_subject CHECK ((subject_kind IS NULL) = (subject_uuid IS NULL))
);

-- Rows are only added. This is against mistakes, the owner's included; against malice are the rights (deploy/role.sql).
-- `flask purge-audit` sets the setting for its transactions.
CREATE OR REPLACE FUNCTION audit_log_keep()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('customers.purge_audit', true) = 'on' THEN
        RETURN NULL;  -- ignored: the trigger is the statement's, not a row's
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        MESSAGE = format('Rows of audit_log are only added: %s is refused', TG_OP);
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = 'audit_log'::regclass
                      AND tgname = 'audit_log_kept') THEN
        CREATE TRIGGER audit_log_kept
        BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
        FOR EACH STATEMENT
        EXECUTE FUNCTION audit_log_keep();
    END IF;
END
$$;

-- How many subjects there are, as a part of the rows. Where nearly all entries are one admin's, PostgreSQL would count few,
-- and read the whole trail backwards for the entries of anybody else.
ALTER TABLE audit_log ALTER subject_uuid SET (n_distinct = -0.05);

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

                -- One account for an e-mail, whatever its case; also what a login finds its account by.
                ('UNIQUE INDEX', 'customer_email_key', 'customer (customers_fold(email))'),
                ('UNIQUE INDEX', 'admin_user_email_key', 'admin_user (customers_fold(email))'),

                ('UNIQUE INDEX', 'customer_group_uuid_key', 'customer_group (uuid)'),
                ('UNIQUE INDEX', 'customer_group_name_key', 'customer_group (customers_fold(group_name))'),

                -- What the list is filtered and sorted by. Ties are broken by ascending id, which an index gives for
                -- both directions where the ties are few; where they are many, each direction has its own.
                ('INDEX', 'customer_full_name_idx', 'customer (customers_fold(full_name), customer_id)'),
                ('INDEX', 'customer_created_at_idx', 'customer (created_at, customer_id)'),
                ('INDEX', 'customer_updated_at_idx', 'customer (updated_at, customer_id)'),
                ('INDEX', 'customer_status_idx', 'customer (status, customer_id)'),
                ('INDEX', 'customer_status_descending_idx', 'customer (status DESC, customer_id)'),

                -- At most one default address for a customer.
                ('UNIQUE INDEX', 'customer_address_one_default_key', 'customer_address (customer_id) WHERE is_default'),

                ('INDEX', 'reset_password_token_token_idx', 'reset_password_token (token)'),
                ('INDEX', 'reset_password_token_customer_id_idx', 'reset_password_token (customer_id)'),
                -- EverShop never purges this table; `flask purge` does, oldest first.
                ('INDEX', 'reset_password_token_created_at_idx', 'reset_password_token (created_at)'),

                -- What an account's end, and a purge, find sessions by.
                ('INDEX', 'login_session_customer_id_idx', 'login_session (customer_id)'),
                ('INDEX', 'login_session_admin_user_id_idx', 'login_session (admin_user_id)'),
                ('INDEX', 'login_session_expires_at_idx', 'login_session (expires_at)'),
                ('INDEX', 'login_network_last_login_at_idx', 'login_network (last_login_at)'),
                ('INDEX', 'attempt_counter_expires_at_idx', 'attempt_counter (expires_at)'),

                ('INDEX', 'outbox_mail_due_idx',
                 'outbox_mail ((kind <> ''reset_password''), next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL'),
                ('INDEX', 'outbox_mail_recipient_idx', 'outbox_mail (customers_fold(recipient), created_at)'),
                ('INDEX', 'outbox_mail_customer_id_idx', 'outbox_mail (customer_id, created_at)'),
                ('INDEX', 'outbox_mail_created_at_idx', 'outbox_mail (created_at)'),
                ('INDEX', 'idempotency_key_created_at_idx', 'idempotency_key (created_at)'),

                -- The newest first, read backwards.
                ('INDEX', 'audit_log_subject_uuid_idx', 'audit_log (subject_uuid, audit_log_id)')
               ) AS listed (kind, name, target)
         WHERE to_regclass(quote_ident(name)) IS NULL
    LOOP
        EXECUTE format('CREATE %s %I ON %s', wanted.kind, wanted.name, wanted.target);
    END LOOP;
END
$$;

-- Searching within e-mail addresses and names reads an index of trigrams where the extension pg_trgm is there or can be
-- had, else the whole table, with the same result. Applying this file again makes good what was not possible before.
-- The extension goes into `public` where that is possible: in the schema of one shop of several, it would be dropped with
-- that shop.
DO $$
DECLARE
    home name;
BEGIN
    BEGIN
        IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
            IF coalesce(has_schema_privilege(to_regnamespace('public')::oid, 'CREATE'), false) THEN
                CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
            ELSE
                CREATE EXTENSION IF NOT EXISTS pg_trgm;
            END IF;
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;  -- the database's owner may create it (it is a trusted extension); this role may not
    END;
    SELECT extnamespace::regnamespace::name
      INTO home
      FROM pg_extension
     WHERE extname = 'pg_trgm';
    IF FOUND AND to_regclass('customer_search_idx') IS NULL THEN
        EXECUTE format('CREATE INDEX customer_search_idx ON customer
                         USING gin (customers_fold(email) %1$I.gin_trgm_ops, customers_fold(full_name) %1$I.gin_trgm_ops)', home);
    END IF;
END
$$;

-- Which version the database has: see the beginning.
CREATE TABLE IF NOT EXISTS customers_schema (
    only_row   boolean NOT NULL DEFAULT true,
    version    int NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customers_schema_pkey PRIMARY KEY (only_row),
    CONSTRAINT customers_schema_has_one_row CHECK (only_row)
);

INSERT INTO customers_schema (version)
VALUES (current_setting('customers.schema_version')::int)
ON CONFLICT (only_row) DO UPDATE
   SET version = excluded.version, applied_at = now()
 WHERE customers_schema.version < excluded.version;
