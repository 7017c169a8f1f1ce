-- A database as a running EverShop 2.2 leaves it, as far as this service meets it: its tables with their constraints,
-- triggers and quirks, and rows as such shops have them.

CREATE TABLE customer_group (
    customer_group_id INT GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1) PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid(),
    group_name varchar NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO customer_group (group_name) VALUES ('Default'), ('Wholesale');

CREATE FUNCTION prevent_delete_default_customer_group() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.customer_group_id = 1 THEN
        RAISE EXCEPTION 'Cannot delete default customer group';
    END IF;
    RETURN OLD;
END;
$$;
CREATE TRIGGER "PREVENT_DELETING_THE_DEFAULT_CUSTOMER_GROUP" BEFORE DELETE ON customer_group
FOR EACH ROW EXECUTE PROCEDURE prevent_delete_default_customer_group();

CREATE TABLE customer (
    customer_id INT GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1) PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid(),
    status SMALLINT NOT NULL DEFAULT 1,
    group_id INT DEFAULT 1,
    email varchar NOT NULL,
    password varchar NOT NULL,
    full_name varchar DEFAULT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    meta_data jsonb DEFAULT '{}',
    CONSTRAINT "EMAIL_UNIQUE" UNIQUE (email),
    CONSTRAINT "CUSTOMER_UUID_UNIQUE" UNIQUE (uuid),
    CONSTRAINT "FK_CUSTOMER_GROUP" FOREIGN KEY (group_id)
        REFERENCES customer_group (customer_group_id) ON DELETE SET NULL
);
CREATE INDEX "FK_CUSTOMER_GROUP" ON customer (group_id);

CREATE FUNCTION set_default_customer_group() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.group_id IS NULL THEN
        NEW.group_id = 1;
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER "SET_DEFAULT_CUSTOMER_GROUP" BEFORE INSERT ON customer
FOR EACH ROW EXECUTE PROCEDURE set_default_customer_group();

CREATE TABLE event (
    event_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid(),
    name varchar NOT NULL,
    data json,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    status varchar NOT NULL DEFAULT 'pending',
    started_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT "EVENT_UUID" UNIQUE (uuid)
);
CREATE INDEX "EVENT_STATUS_IDX" ON event (status, event_id);
CREATE FUNCTION notify_new_event() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('new_event', NEW.name);
    RETURN NEW;
END;
$$;
CREATE TRIGGER event_inserted AFTER INSERT ON event FOR EACH ROW EXECUTE PROCEDURE notify_new_event();

CREATE FUNCTION add_customer_created_event() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event (name, data) VALUES ('customer_created', row_to_json(NEW));
    RETURN NEW;
END;
$$;
CREATE FUNCTION add_customer_updated_event() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event (name, data) VALUES ('customer_updated', row_to_json(NEW));
    RETURN NEW;
END;
$$;
CREATE FUNCTION add_customer_deleted_event() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event (name, data) VALUES ('customer_deleted', row_to_json(OLD));
    RETURN OLD;
END;
$$;
CREATE TRIGGER "ADD_CUSTOMER_CREATED_EVENT_TRIGGER" AFTER INSERT ON customer
FOR EACH ROW EXECUTE PROCEDURE add_customer_created_event();
CREATE TRIGGER "ADD_CUSTOMER_UPDATED_EVENT_TRIGGER" AFTER UPDATE ON customer
FOR EACH ROW EXECUTE PROCEDURE add_customer_updated_event();
CREATE TRIGGER "ADD_CUSTOMER_DELETED_EVENT_TRIGGER" AFTER DELETE ON customer
FOR EACH ROW EXECUTE PROCEDURE add_customer_deleted_event();

CREATE TABLE customer_address (
    customer_address_id INT GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1) PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid(),
    customer_id INT NOT NULL,
    full_name varchar DEFAULT NULL,
    telephone varchar DEFAULT NULL,
    address_1 varchar DEFAULT NULL,
    address_2 varchar DEFAULT NULL,
    postcode varchar DEFAULT NULL,
    city varchar DEFAULT NULL,
    province varchar DEFAULT NULL,
    country varchar NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    is_default boolean DEFAULT NULL,
    CONSTRAINT "CUSTOMER_ADDRESS_UUID_UNIQUE" UNIQUE (uuid),
    CONSTRAINT "FK_CUSTOMER_ADDRESS" FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE CASCADE
);
CREATE INDEX "FK_CUSTOMER_ADDRESS" ON customer_address (customer_id);

CREATE TABLE admin_user (
    admin_user_id INT GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1) PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid(),
    status boolean NOT NULL DEFAULT TRUE,
    email varchar NOT NULL,
    password varchar NOT NULL,
    full_name varchar DEFAULT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "ADMIN_USER_EMAIL_UNIQUE" UNIQUE (email),
    CONSTRAINT "ADMIN_USER_UUID_UNIQUE" UNIQUE (uuid)
);

CREATE TABLE reset_password_token (
    reset_password_token_id INT GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1) PRIMARY KEY,
    customer_id INT NOT NULL,
    token text NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "FK_RESET_PASSWORD_TOKEN_CUSTOMER" FOREIGN KEY (customer_id)
        REFERENCES customer (customer_id) ON DELETE CASCADE
);

CREATE TABLE session (
    sid varchar NOT NULL,
    sess json NOT NULL,
    expire timestamp(6) NOT NULL,
    CONSTRAINT "SESSION_PKEY" PRIMARY KEY (sid)
);
CREATE INDEX "IDX_SESSION_EXPIRE" ON session (expire);

-- Of these two, the columns that a login touches.
CREATE TABLE cart (
    cart_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid(),
    sid varchar,
    customer_id INT,
    customer_group_id SMALLINT,
    customer_email varchar,
    customer_full_name varchar,
    status boolean NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "CART_UUID_UNIQUE" UNIQUE (uuid)
);
CREATE TABLE "order" (
    order_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid UUID NOT NULL DEFAULT gen_random_uuid(),
    sid varchar,
    order_number varchar NOT NULL,
    customer_id INT,
    customer_email varchar,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "ORDER_UUID_UNIQUE" UNIQUE (uuid),
    CONSTRAINT "ORDER_NUMBER_UNIQUE" UNIQUE (order_number)
);
CREATE TABLE migration (migration_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, module varchar, version varchar);
CREATE TABLE setting (setting_id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar, value text);

-- The password is "evershop-password", hashed by bcryptjs at cost 10.
INSERT INTO customer (email, password, full_name, group_id) VALUES
    ('Jane@Example.com', '$2a$10$fACShfgxfVqugPkgZHOhAuJho188lJ/BxEGm9FFr8zy6bZFZ7P.KK', 'Jane Doe', 2),
    ('bare@example.com', '$2a$10$fACShfgxfVqugPkgZHOhAuJho188lJ/BxEGm9FFr8zy6bZFZ7P.KK', NULL, NULL);
UPDATE customer SET created_at = NULL, updated_at = NULL, group_id = NULL WHERE email = 'bare@example.com';
INSERT INTO customer_address (customer_id, full_name, country, is_default) VALUES
    (1, 'Old default', 'US', true),
    (1, NULL, 'DE', NULL),
    (1, 'New default', 'FR', true);
INSERT INTO admin_user (email, password, full_name) VALUES
    ('Boss@Example.com', '$2a$10$fACShfgxfVqugPkgZHOhAuJho188lJ/BxEGm9FFr8zy6bZFZ7P.KK', 'The Boss');
INSERT INTO reset_password_token (customer_id, token) VALUES (1, repeat('0123456789abcdef', 4));
INSERT INTO session (sid, sess, expire) VALUES ('theirs', '{}', now() + interval '1 day');
INSERT INTO "order" (order_number, customer_id, customer_email) VALUES ('10001', 1, 'Jane@Example.com');
INSERT INTO cart (customer_id) VALUES (1);
