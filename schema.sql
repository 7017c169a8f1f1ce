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
-- E-mail addresses and names of groups are compared without regard to case here; an EverShop may hold one in two
-- spellings, and only the shop's staff can know which is the right one.

DO $$
DECLARE
    holder record;
    clashes text;
BEGIN
    FOR holder IN
        SELECT relation, attribute, things
          FROM (VALUES ('customer', 'email', 'addresses'),
                       ('admin_user', 'email', 'addresses'),
                       ('customer_group', 'group_name', 'names')) AS holders (relation, attribute, things)
         WHERE to_regclass(relation) IS NOT NULL
    LOOP
        EXECUTE format(
            'SELECT string_agg(spellings, E''\n'')
               FROM (SELECT ''  '' || string_agg(%1$I, '', '' ORDER BY %1$I) AS spellings
                       FROM %2$I
                      GROUP BY lower(%1$I)
                     HAVING count(*) > 1
                      ORDER BY lower(%1$I)
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

-- Answers to requests that carried an Idempotency-Key, for 24 hours. Written in the transaction that creates, so that
-- either both are there or neither. Digests only: a key may be a secret, and a body may hold a password.
CREATE TABLE IF NOT EXISTS idempotent_answer (
    digest      bytea NOT NULL,         -- of caller, path and key
    body_digest bytea NOT NULL,         -- keyed with the secret key
    status      smallint NOT NULL,
    headers     jsonb NOT NULL,
    body        text NOT NULL,
    customer_id int,                    -- whose data the answer holds: it goes with the account
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotent_answer_pkey PRIMARY KEY (digest),
    CONSTRAINT idempotent_answer_customer_id_fkey FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE CASCADE
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

-- What is counted for the limits on attempts: guesses by account, by network and by both, registrations, requests for a new
-- password. UNLOGGED: a crash empties it, which forgives a few guesses, and no counting waits for a disk.
CREATE UNLOGGED TABLE IF NOT EXISTS attempt_counter (
    digest     bytea NOT NULL,          -- SHA-256 of what is counted: no address that somebody has tried is stored
    attempts   int NOT NULL,            -- those under way included
    open_at    timestamptz NOT NULL,    -- no attempt before
    expires_at timestamptz NOT NULL,    -- counts for nothing any more
    told       boolean NOT NULL DEFAULT false,                  -- whether an attempt has been refused since it closed
    CONSTRAINT attempt_counter_pkey PRIMARY KEY (digest)
) WITH (fillfactor = 50);

-- Count an attempt before it is looked at, by all of its limits or by none, or say which refuses it. Several of one account
-- or network at once take turns here, each for a moment only, so no more begin than may.
--
-- A limit is an element of each array: `digests` says what is counted; it closes with the attempt number `most`, for as
-- long as `longest` says: null, until it expires, `memory` seconds after its first attempt; else for a pause that doubles
-- from a second to `longest`, and it expires `memory` seconds after its last attempt. The limit number `own` is an
-- account's, by kind and lower-cased address: known networks pass it, and are not counted by it.
--
-- Where a success is given back, some of the attempts that close a limit may yet be: then it is unsettled, for at most
-- `settle` seconds, until the attempt that closed it has failed; who did is told by `closes`. `settle` is 0 where nothing is
-- given back.
--
-- A row comes back in any case. `refused_by` is the number of the limit, null if the attempt has been counted. `seconds` is
-- when to try again, rounded up; `is_first` whether this is the first refusal since the limit closed; `unsettled` whether it
-- may open sooner; `passed` whether a known network passed the account's limit; `closes` the digests of the limits that this
-- attempt leaves unsettled. But for `is_first`, which is noted, a refusal writes nothing.
CREATE OR REPLACE FUNCTION customers_count_attempt(
    digests bytea[], most int[], longest int[], memory int[], settle int,
    own int, kind text, address text, client_network cidr,
    OUT refused_by int, OUT seconds int, OUT is_first boolean, OUT unsettled boolean, OUT passed boolean,
    OUT closes bytea[])
LANGUAGE plpgsql AS $$
DECLARE
    closed  record;
    locked  boolean := false;
    moment  timestamptz;
    counted int;
BEGIN
    passed := false;
    is_first := false;
    unsettled := false;
    closes := '{}';
    LOOP
        SELECT digest, open_at, expires_at, told, array_position(digests, digest) AS place
          INTO closed
          FROM attempt_counter
         WHERE digest = ANY(digests)
           AND open_at > clock_timestamp()
           AND (NOT passed OR digest <> digests[own])
         ORDER BY open_at DESC
         LIMIT 1;
        IF NOT FOUND THEN
            EXIT WHEN locked;
            -- Nothing is closed at a glance. In the order of the digests, so that attempts never wait in a circle.
            INSERT INTO attempt_counter AS counter (digest, attempts, open_at, expires_at)
            SELECT wanted.digest, 0, now(), now() + make_interval(secs => wanted.seconds)
              FROM unnest(digests, memory) AS wanted (digest, seconds)
             ORDER BY wanted.digest
                ON CONFLICT ON CONSTRAINT attempt_counter_pkey DO UPDATE
               SET attempts = CASE WHEN counter.expires_at > now() THEN counter.attempts ELSE 0 END,
                   expires_at = CASE WHEN counter.expires_at > now() THEN counter.expires_at ELSE excluded.expires_at END;
            locked := true;
        -- Not a join, which would be done sooner where there is no such account: 0 is nobody's number, and looked for.
        ELSIF closed.place = own AND (
               EXISTS (SELECT
                         FROM login_network
                        WHERE kind = 'customer'
                          AND customer_id = coalesce((SELECT customer_id FROM customer WHERE lower(email) = address), 0)
                          AND network = client_network
                          AND last_login_at > now() - interval '30 days')
            OR EXISTS (SELECT
                         FROM login_network
                        WHERE kind = 'admin'
                          AND admin_user_id = coalesce((SELECT admin_user_id FROM admin_user WHERE lower(email) = address), 0)
                          AND network = client_network
                          AND last_login_at > now() - interval '30 days')) THEN
            passed := true;
        ELSE
            refused_by := closed.place;
            seconds := greatest(1, ceil(extract(epoch FROM closed.open_at - clock_timestamp())));
            unsettled := longest[closed.place] IS NULL AND closed.open_at < closed.expires_at;
            IF NOT unsettled AND NOT closed.told THEN
                UPDATE attempt_counter
                   SET told = true
                 WHERE digest = closed.digest
                   AND NOT told;
                is_first := FOUND;
            END IF;
            RETURN;
        END IF;
    END LOOP;

    moment := clock_timestamp();
    FOR place IN 1 .. cardinality(digests) LOOP
        CONTINUE WHEN passed AND place = own;
        UPDATE attempt_counter
           SET attempts = attempts + 1,
               told = false,
               expires_at = CASE WHEN longest[place] IS NULL THEN expires_at
                                 ELSE moment + make_interval(secs => memory[place]) END
         WHERE digest = digests[place]
        RETURNING attempts INTO counted;
        CONTINUE WHEN counted < most[place];
        UPDATE attempt_counter
           SET open_at = CASE WHEN longest[place] IS NOT NULL
                              THEN moment + make_interval(secs => least(
                                       longest[place], 2 ^ least(counted - most[place], 30)))
                              WHEN settle > 0 THEN least(expires_at, moment + make_interval(secs => settle))
                              ELSE expires_at END
         WHERE digest = digests[place];
        IF longest[place] IS NULL AND settle > 0 THEN
            closes := closes || digests[place];
        END IF;
    END LOOP;

    -- Each attempt clears away more than it adds, a little at a time, so the table needs nobody to keep it small.
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

-- The version of what is answered of a customer, the addresses included, for ETags. It changes with every write of these
-- rows, whoever writes them: `xmin` is the transaction that wrote a row. Given the row's own, so that a statement that
-- has waited for another's write compares what that has written.
CREATE OR REPLACE FUNCTION customer_version(customer_id int, written_by xid)
RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT md5(concat(written_by, string_agg(concat(customer_address_id, '-', customer_address.xmin), ','
                                             ORDER BY customer_address_id)))
      FROM customer_address
     WHERE customer_address.customer_id = customer_version.customer_id
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
    event        varchar NOT NULL,      -- the list is in customers/audit/trail.py
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

                ('UNIQUE INDEX', 'customer_group_uuid_key', 'customer_group (uuid)'),
                ('UNIQUE INDEX', 'customer_group_name_lower_key', 'customer_group (lower(group_name))'),

                -- What the list is filtered and sorted by. Ties are broken by ascending id, which an index gives for
                -- both directions where the ties are few; where they are many, each direction has its own.
                ('INDEX', 'customer_full_name_lower_idx', 'customer (lower(full_name), customer_id)'),
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
                 'outbox_mail (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL'),
                ('INDEX', 'outbox_mail_customer_id_idx', 'outbox_mail (customer_id, created_at)'),
                ('INDEX', 'outbox_mail_created_at_idx', 'outbox_mail (created_at)'),
                ('INDEX', 'idempotent_answer_customer_id_idx', 'idempotent_answer (customer_id)'),
                ('INDEX', 'idempotent_answer_created_at_idx', 'idempotent_answer (created_at)'),

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
DO $$
DECLARE
    home name;
BEGIN
    BEGIN
        IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
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
                         USING gin (lower(email) %1$I.gin_trgm_ops, lower(full_name) %1$I.gin_trgm_ops)', home);
    END IF;
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
VALUES (4) -- schema version
ON CONFLICT (only_row) DO UPDATE
   SET version = excluded.version, applied_at = now()
 WHERE customers_schema.version < excluded.version;
