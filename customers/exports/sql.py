"""The statement that gathers what is stored about a person."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

# Every table of schema.sql that knows the customer, and of its columns all but the secrets: hashes, digests, tokens.
# A request for a new password that waits has not been matched with its account yet; it is known by the address. Other
# mail without an account is that of one that was deleted, whose address may be another person's by now. Where an
# admin did something from, and who it was, is of the admin.
GATHER = text("""
    SELECT customer.customer_id, customer.uuid, customer.status, customer.group_id, customer.email, customer.full_name,
           customer.created_at, customer.updated_at, customer.meta_data, customer_group.group_name,
           ARRAY(
           SELECT to_jsonb(address)
             FROM (SELECT customer_address_id, uuid, full_name, telephone, address_1, address_2, city, province,
                          country, postcode, coalesce(is_default, false) AS is_default, created_at, updated_at
                     FROM customer_address
                    WHERE customer_address.customer_id = customer.customer_id
                    ORDER BY customer_address_id) AS address) AS addresses,
           ARRAY(
           SELECT to_jsonb(session)
             FROM (SELECT uuid, created_at, last_seen_at, expires_at, host(ip) AS ip, user_agent
                     FROM login_session
                    WHERE login_session.customer_id = customer.customer_id
                    ORDER BY created_at) AS session) AS sessions,
           ARRAY(
           SELECT to_jsonb(known)
             FROM (SELECT network, last_login_at
                     FROM login_network
                    WHERE login_network.customer_id = customer.customer_id
                    ORDER BY last_login_at, login_network_id) AS known) AS networks,
           ARRAY(
           SELECT to_jsonb(reset)
             FROM (SELECT created_at
                     FROM reset_password_token
                    WHERE reset_password_token.customer_id = customer.customer_id
                    ORDER BY created_at) AS reset) AS password_resets,
           ARRAY(
           SELECT to_jsonb(mail)
             FROM (SELECT kind, recipient, created_at, sent_at, failed_at
                     FROM outbox_mail
                    WHERE outbox_mail.customer_id = customer.customer_id
                       OR (outbox_mail.customer_id IS NULL
                      AND outbox_mail.kind = 'reset_password'
                      AND outbox_mail.sent_at IS NULL
                      AND outbox_mail.failed_at IS NULL
                      AND lower(outbox_mail.recipient) = lower(customer.email))
                    ORDER BY created_at) AS mail) AS mails,
           ARRAY(
           SELECT to_jsonb(answer)
             FROM (SELECT status, body::jsonb AS body, created_at
                     FROM idempotent_answer
                    WHERE idempotent_answer.customer_id = customer.customer_id
                    ORDER BY created_at) AS answer) AS remembered_answers,
           ARRAY(
           SELECT to_jsonb(entry)
             FROM (SELECT created_at, event, actor_kind AS actor, request_id, details,
                          CASE WHEN actor_kind <> 'admin' THEN host(ip) END AS ip,
                          CASE WHEN actor_kind <> 'admin' THEN user_agent END AS user_agent
                     FROM audit_log
                    WHERE audit_log.subject_uuid = customer.uuid
                      AND audit_log.subject_kind = 'customer'
                    ORDER BY audit_log_id) AS entry) AS audit
      FROM customer
      LEFT JOIN customer_group
        ON customer_group.customer_group_id = customer.group_id
     WHERE customer.uuid = :uuid
""")


def gather(conn: Connection, uuid: UUID) -> Row[Any] | None:
    """Return a customer with lists of dictionaries of what belongs to the account, or None."""
    return conn.execute(GATHER, {"uuid": uuid}).one_or_none()
