"""The statement that gathers everything stored about a person."""

from uuid import UUID

from sqlalchemy import Connection, text

# Every table that knows the customer, and all columns but secrets: hashes, digests, tokens. Reset mails that wait for
# this e-mail have no customer_id yet; other mails without one belonged to a deleted account. An admin's ip, browser and
# uuid are left out. Of the trail, which grows with every login, what an answer can hold: the newest 10,000 entries.
GATHER = text("""
    SELECT CAST(row_to_json(person) AS text)
      FROM (SELECT customer.customer_id, customer.uuid, customer.status, customer.group_id, customer.email,
                   customer.full_name, customers_time(customer.created_at) AS created_at,
                   customers_time(customer.updated_at) AS updated_at, customer_group.group_name, customer.meta_data,
                   EXISTS (SELECT
                             FROM pending_customer
                            WHERE pending_customer.customer_id = customer.customer_id) AS pending,
                   ARRAY(
                   SELECT row_to_json(address)
                     FROM (SELECT customer_address_id, uuid, full_name, telephone, address_1, address_2, city, province,
                                  country, postcode, coalesce(is_default, false) AS is_default, customer_id,
                                  customers_time(created_at) AS created_at, customers_time(updated_at) AS updated_at
                             FROM customer_address
                            WHERE customer_address.customer_id = customer.customer_id
                            ORDER BY customer_address_id) AS address) AS addresses,
                   ARRAY(
                   SELECT row_to_json(session)
                     FROM (SELECT uuid, customers_time(created_at) AS created_at,
                                  customers_time(last_seen_at) AS last_seen_at,
                                  customers_time(expires_at) AS expires_at, host(ip) AS ip, user_agent
                             FROM login_session
                            WHERE login_session.customer_id = customer.customer_id
                            ORDER BY login_session.created_at) AS session) AS sessions,
                   ARRAY(
                   SELECT row_to_json(known)
                     FROM (SELECT network, customers_time(last_login_at) AS last_login_at
                             FROM login_network
                            WHERE login_network.customer_id = customer.customer_id
                            ORDER BY login_network.last_login_at, login_network_id) AS known) AS networks,
                   ARRAY(
                   SELECT row_to_json(reset)
                     FROM (SELECT customers_time(created_at) AS created_at
                             FROM reset_password_token
                            WHERE reset_password_token.customer_id = customer.customer_id
                            ORDER BY reset_password_token.created_at) AS reset) AS password_resets,
                   ARRAY(
                   SELECT row_to_json(mail)
                     FROM (SELECT kind, recipient, customers_time(created_at) AS created_at,
                                  customers_time(sent_at) AS sent_at, customers_time(failed_at) AS failed_at
                             FROM outbox_mail
                            WHERE outbox_mail.customer_id = customer.customer_id
                               OR (outbox_mail.customer_id IS NULL
                              AND outbox_mail.kind = 'reset_password'
                              AND outbox_mail.sent_at IS NULL
                              AND outbox_mail.failed_at IS NULL
                              AND customers_fold(outbox_mail.recipient) = customers_fold(customer.email))
                            ORDER BY outbox_mail.created_at) AS mail) AS mails,
                   ARRAY(
                   SELECT row_to_json(entry)
                     FROM (SELECT customers_time(created_at) AS created_at, event, actor_kind AS actor,
                                  CASE WHEN actor_kind <> 'admin' THEN host(ip) END AS ip,
                                  CASE WHEN actor_kind <> 'admin' THEN user_agent END AS user_agent, request_id, details
                             FROM audit_log
                            WHERE audit_log.subject_uuid = customer.uuid
                              AND audit_log.subject_kind = 'customer'
                            ORDER BY audit_log_id DESC
                            LIMIT 10000) AS entry) AS audit
              FROM customer
              LEFT JOIN customer_group
                ON customer_group.customer_group_id = customer.group_id
             WHERE customer.uuid = :uuid) AS person
""")


def gather(conn: Connection, uuid: UUID) -> str | None:
    """Return a customer with all that belongs to the account, as JSON text, or None."""
    person: str | None = conn.execute(GATHER, {"uuid": uuid}).scalar_one_or_none()
    return person
