-- What this service adds to the database of an EverShop that runs beside it, after schema.sql and in the same transaction:
-- `flask init-db --evershop`. It can be applied again and again, changes no row, and adds no column to a table of
-- EverShop's. docs/evershop.md has the statements that take it out again.

-- Whose session it is in EverShop's table too: the SHA-256 of its sid there. Null for a session of this service alone.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = 'login_session'::regclass
                      AND attname = 'evershop_digest'
                      AND NOT attisdropped) THEN
        ALTER TABLE login_session ADD COLUMN evershop_digest bytea;
    END IF;
END
$$;

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT kind, name, target
          FROM (VALUES
                ('UNIQUE INDEX', 'login_session_evershop_digest_key', 'login_session (evershop_digest)'),
                ('INDEX', 'customers_session_link_idx',
                 'session ((sess ->> ''customersSession'')) WHERE (sess ->> ''customersSession'') IS NOT NULL'),
                ('INDEX', 'customers_session_customer_idx',
                 'session ((sess ->> ''customerID'')) WHERE (sess ->> ''customerID'') IS NOT NULL'),
                ('INDEX', 'customers_session_admin_idx',
                 'session ((sess ->> ''userID'')) WHERE (sess ->> ''userID'') IS NOT NULL'),
                -- EverShop finds carts and orders by sid without an index; a login here moves them.
                ('INDEX', 'customers_cart_sid_idx', 'cart (sid)'),
                ('INDEX', 'customers_order_sid_idx', '"order" (sid)')
               ) AS listed (kind, name, target)
         WHERE to_regclass(quote_ident(name)) IS NULL
    LOOP
        EXECUTE format('CREATE %s %I ON %s', wanted.kind, wanted.name, wanted.target);
    END LOOP;
END
$$;

-- A page of EverShop's writes its session back when it ends, as that was when the page began. Before this service knew the
-- session: that would lose the link, so a row without one is linked here. Before a logout here: that would sign the browser
-- in again, so a row that is signed in and linked is written only while the session is there. And a page that signs out ends
-- the session here as well; its row stays, for the cart of a guest, without the link, which would refuse the next login.
CREATE OR REPLACE FUNCTION customers_evershop_guard()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$  -- EverShop's role need not have rights to login_session
DECLARE
    linked json;
    named uuid;
BEGIN
    IF NEW.sess ->> 'customersSession' IS NULL THEN
        SELECT CAST(regexp_replace(CAST(NEW.sess AS text), '[}][[:space:]]*$', concat(',"customersSession":"', uuid, '"}'))
                    AS json)
          INTO linked
          FROM login_session
         WHERE evershop_digest = sha256(convert_to(NEW.sid, 'UTF8'))
           FOR KEY SHARE;
        NEW.sess := coalesce(linked, NEW.sess);
        RETURN NEW;
    END IF;
    named := CASE WHEN NEW.sess ->> 'customersSession' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                  THEN CAST(NEW.sess ->> 'customersSession' AS uuid) END;
    IF NEW.sess ->> 'customerID' IS NOT NULL OR NEW.sess ->> 'userID' IS NOT NULL THEN
        PERFORM
           FROM login_session
          WHERE uuid = named
            FOR KEY SHARE;
        RETURN CASE WHEN FOUND THEN NEW END;
    END IF;
    -- Without its digest first: the trigger below would change the row that is being written.
    UPDATE login_session SET evershop_digest = NULL WHERE uuid = named;
    DELETE FROM login_session WHERE uuid = named;
    NEW.sess := CAST(regexp_replace(CAST(NEW.sess AS text), '"customersSession"[[:space:]]*:[[:space:]]*"[^"]*"',
                                    '"customersSession":null') AS json);
    RETURN NEW;
END
$$;

-- However a session of this service ends, EverShop's row of it ends, too. Where that is not signed in as the same account
-- any more, it stays, for the cart of a guest, and forgets what it was linked to.
CREATE OR REPLACE FUNCTION customers_evershop_ended()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$  -- a cascade from a customer that EverShop's role deletes fires it as well
BEGIN
    DELETE FROM session
     WHERE sess ->> 'customersSession' = CAST(OLD.uuid AS text)
       AND (sess ->> 'customerID' = CAST(OLD.customer_id AS text) OR sess ->> 'userID' = CAST(OLD.admin_user_id AS text));
    UPDATE session
       SET sess = CAST(regexp_replace(CAST(sess AS text), '"customersSession"[[:space:]]*:[[:space:]]*"[^"]*"',
                                      '"customersSession":null') AS json)
     WHERE sess ->> 'customersSession' = CAST(OLD.uuid AS text);
    RETURN NULL;
END
$$;

DO $$
DECLARE
    home name := current_schema();
BEGIN
    EXECUTE format('ALTER FUNCTION customers_evershop_guard() SET search_path = %I, pg_temp', home);
    EXECUTE format('ALTER FUNCTION customers_evershop_ended() SET search_path = %I, pg_temp', home);
    IF NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = 'session'::regclass
                      AND tgname = 'customers_evershop_guard') THEN
        CREATE TRIGGER customers_evershop_guard
        BEFORE INSERT OR UPDATE OF sess ON session
        FOR EACH ROW
        WHEN (coalesce(NEW.sess ->> 'customersSession', NEW.sess ->> 'customerID', NEW.sess ->> 'userID') IS NOT NULL)
        EXECUTE FUNCTION customers_evershop_guard();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = 'login_session'::regclass
                      AND tgname = 'customers_evershop_ended') THEN
        CREATE TRIGGER customers_evershop_ended
        AFTER DELETE ON login_session
        FOR EACH ROW
        WHEN (OLD.evershop_digest IS NOT NULL)
        EXECUTE FUNCTION customers_evershop_ended();
    END IF;
END
$$;
