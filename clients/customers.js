// @ts-check

/**
 * The customer API for JavaScript: browsers, and Node 18 or later. It depends on nothing but `fetch`.
 *
 * Every method resolves to an {@link Answer} and rejects with a {@link CustomersError}. Bodies and answers have the
 * names that the API documents, `full_name` and not `fullName`. How to use it in a shop: docs/frontend.md.
 *
 * @example
 * import { Customers } from "./customers.js";
 *
 * const customers = new Customers();
 * await customers.login({ email: "john.smith@example.com", password: "correct horse battery" });
 * const { data: customer, etag } = await customers.me();
 * await customers.update("me", { full_name: "John A. Smith" }, { ifMatch: etag });
 * await customers.logout();
 */

/**
 * Everything that this module calls, as method and path in the words of `/openapi.json`.
 */
export const PATHS = /** @type {const} */ ([
  ["POST", "/api/customers"],
  ["GET", "/api/customers"],
  ["GET", "/api/customers/{uuid}"],
  ["PATCH", "/api/customers/{uuid}"],
  ["DELETE", "/api/customers/{uuid}"],
  ["GET", "/api/customers/{uuid}/export"],
  ["GET", "/api/customers/{uuid}/audit"],
  ["GET", "/api/customers/{uuid}/addresses"],
  ["POST", "/api/customers/{uuid}/addresses"],
  ["GET", "/api/customers/{uuid}/addresses/{address_uuid}"],
  ["PATCH", "/api/customers/{uuid}/addresses/{address_uuid}"],
  ["DELETE", "/api/customers/{uuid}/addresses/{address_uuid}"],
  ["GET", "/api/customers/{uuid}/sessions"],
  ["DELETE", "/api/customers/{uuid}/sessions"],
  ["DELETE", "/api/customers/{uuid}/sessions/{session_uuid}"],
  ["GET", "/api/customer-groups"],
  ["POST", "/api/customer-groups"],
  ["GET", "/api/customer-groups/{group_uuid}"],
  ["PATCH", "/api/customer-groups/{group_uuid}"],
  ["DELETE", "/api/customer-groups/{group_uuid}"],
  ["POST", "/api/customers/me/password"],
  ["POST", "/api/customers/reset-password"],
  ["POST", "/api/customers/password"],
  ["POST", "/customer/login"],
  ["POST", "/customers/logout"],
  ["POST", "/admin/user/login"],
  ["POST", "/admin/user/logout"],
]);

// ---------------------------------------------------------------- what goes in

/**
 * A registration. Other properties are ignored by the service.
 *
 * @typedef {object} NewCustomer
 * @property {string} email At most 254 characters; unique, whatever its case.
 * @property {string} password 8 characters to 72 bytes in UTF-8; never trimmed.
 * @property {string} full_name 1 to 255 characters.
 * @property {0 | 1 | "0" | "1"} [status] 1 for an active account (the default), 0 for a disabled one.
 * @property {number} [group_id] Of an admin only; of others it is ignored.
 */

/**
 * What to change of a customer; everything else stays.
 *
 * @typedef {object} CustomerChanges
 * @property {string} [email] One's own needs a login not older than 15 minutes, or else 403 `login_again`.
 * @property {string} [password] Likewise; `changePassword()` needs the current password instead.
 * @property {string} [full_name] 1 to 255 characters.
 * @property {0 | 1 | "0" | "1"} [status] Only an admin may send it.
 * @property {number} [group_id] Of an admin only; of others it is ignored.
 */

/**
 * Which customers to list: those that all of these describe. What is undefined or null is left out, what is blank is
 * refused.
 *
 * @typedef {object} CustomerFilters
 * @property {string | null} [keyword] Part of the e-mail address or the name, in any case.
 * @property {string | null} [email] The whole e-mail address, in any case.
 * @property {string | null} [full_name] Part of the name, in any case.
 * @property {0 | 1 | "0" | "1" | null} [status]
 * @property {number | null} [group_id]
 * @property {string | Date | null} [created_from] Created at this time or later; a text is ISO 8601, in UTC unless it
 *   says otherwise.
 * @property {string | Date | null} [created_to] Created before this time.
 */

/**
 * What the list can be sorted by; a leading minus is for descending. Ties are broken by ascending `customer_id`.
 *
 * @typedef {"customer_id" | "email" | "full_name" | "status" | "created_at" | "updated_at"} SortKey
 */

/**
 * @typedef {object} Paging
 * @property {number} [page] Counts from 1, which is the default.
 * @property {number} [limit] How many on a page: 20 by default, at most 100.
 * @property {SortKey | `-${SortKey}`} [sort] By ascending `customer_id` by default.
 */

/**
 * @typedef {object} Credentials
 * @property {string} email
 * @property {string} password
 */

/**
 * What an address may hold; texts of at most 255 characters.
 *
 * @typedef {object} AddressChanges
 * @property {string | null} [full_name]
 * @property {string | null} [telephone]
 * @property {string | null} [address_1]
 * @property {string | null} [address_2]
 * @property {string | null} [city]
 * @property {string | null} [province]
 * @property {string} [country] Two letters.
 * @property {string | null} [postcode]
 * @property {boolean | 0 | 1} [is_default] Making one the default takes it from the other.
 */

/**
 * A new address: these fields must not be blank, the others may be left out.
 *
 * @typedef {AddressChanges & {
 *   full_name: string, address_1: string, province: string, country: string, postcode: string
 * }} NewAddress
 */

// ---------------------------------------------------------------- what comes out

/**
 * Something that can be done with a thing.
 *
 * @typedef {object} Link
 * @property {string} rel
 * @property {string} href
 * @property {string} action The HTTP method.
 * @property {string[]} types
 */

/**
 * A customer. Times are `YYYY-MM-DD HH:MM:SS`, in UTC.
 *
 * @typedef {object} Customer
 * @property {number} customer_id
 * @property {string} uuid
 * @property {0 | 1} status 1 for an active account, 0 for a disabled one.
 * @property {number | null} group_id
 * @property {string} email
 * @property {string | null} full_name
 * @property {string | null} created_at
 * @property {string | null} updated_at
 */

/** @typedef {Customer & { links: Link[] }} LinkedCustomer As create and update answer it. */

/**
 * An address as it stands in a customer.
 *
 * @typedef {object} AddressOfCustomer
 * @property {number} customer_address_id
 * @property {string} uuid
 * @property {string | null} full_name
 * @property {string | null} telephone
 * @property {string | null} address_1
 * @property {string | null} address_2
 * @property {string | null} city
 * @property {string | null} province
 * @property {string} country
 * @property {string | null} postcode
 * @property {boolean} is_default
 */

/** @typedef {Customer & { addresses: AddressOfCustomer[] }} CustomerWithAddresses The default address comes first. */

/**
 * @typedef {AddressOfCustomer & { customer_id: number, created_at: string | null, updated_at: string | null }} Address
 */

/** @typedef {Address & { links: Link[] }} LinkedAddress As create and update answer it. */

/**
 * A signed-in browser or program. Its `uuid` is a name for `endSession()`, never the sid.
 *
 * @typedef {object} Session
 * @property {string} uuid
 * @property {string} created_at
 * @property {string} last_seen_at
 * @property {string} expires_at
 * @property {string | null} ip
 * @property {string | null} user_agent
 * @property {boolean} current Whether it is the one that asks.
 */

/**
 * A group of customers.
 *
 * @typedef {object} Group
 * @property {number} customer_group_id What a customer's `group_id` is.
 * @property {string} uuid
 * @property {string} group_name
 * @property {string | null} created_at
 * @property {string | null} updated_at
 */

/** @typedef {Group & { customers: number }} CountedGroup A group with how many customers are in it. */

/**
 * Everything stored about a person, but for secrets.
 *
 * @typedef {Customer & {
 *   group_name: string | null,
 *   meta_data: any,
 *   addresses: (AddressOfCustomer & { created_at: string | null, updated_at: string | null })[],
 *   sessions: Omit<Session, "current">[],
 *   password_resets: { created_at: string }[],
 *   mails: ExportedMail[],
 *   remembered_answers: { status: number, body: any, created_at: string }[],
 *   audit: ExportedEntry[],
 * }} Person
 */

/**
 * Something that was done to the account; `ip` and `user_agent` are null where an admin did it.
 *
 * @typedef {object} ExportedEntry
 * @property {string} created_at
 * @property {string} event
 * @property {"anonymous" | "customer" | "admin" | "operator"} actor
 * @property {string | null} ip
 * @property {string | null} user_agent
 * @property {string | null} request_id
 * @property {Record<string, any>} details
 */

/**
 * Something that was done to an account, as admins see it.
 *
 * @typedef {Omit<ExportedEntry, "actor"> & {
 *   audit_log_id: number,
 *   actor: { kind: ExportedEntry["actor"], uuid: string | null },
 * }} AuditEntry
 */

/**
 * A mail to the customer, or one that waits.
 *
 * @typedef {object} ExportedMail
 * @property {string} kind
 * @property {string} recipient
 * @property {string} created_at
 * @property {string | null} sent_at
 * @property {string | null} failed_at
 */

/** @typedef {Record<string, never>} Nothing */

/**
 * What a method resolves to.
 *
 * @template T
 * @typedef {object} Answer
 * @property {T} data What the API answers under `data`.
 * @property {string | null} etag The version, for `ifMatch` and `ifNoneMatch`; null where the API has none, and where a
 *   page of another origin is not shown it.
 * @property {200 | 201} status
 * @property {boolean} replayed Whether this is the first answer again, to a repeated `idempotencyKey`.
 * @property {string | null} requestId The request's name in the service's log.
 * @property {false} notModified
 */

/**
 * The answer to a read with `ifNoneMatch`, if nothing has changed: go on with what you have.
 *
 * @typedef {object} NotModified
 * @property {null} data
 * @property {string | null} etag
 * @property {304} status
 * @property {false} replayed
 * @property {string | null} requestId
 * @property {true} notModified
 */

/**
 * Where a page stands in its list.
 *
 * @typedef {object} PageMeta
 * @property {number} current_page
 * @property {number | null} from
 * @property {number} last_page
 * @property {string} path
 * @property {number} per_page
 * @property {number | null} to
 * @property {number} total
 */

/**
 * @typedef {{ first: string, last: string, prev: string | null, next: string | null }} PageLinks
 */

/** @typedef {Answer<Customer[]> & { links: PageLinks, meta: PageMeta }} CustomerPage */

/** @typedef {Answer<AuditEntry[]> & { links: PageLinks, meta: PageMeta }} AuditPage */

// ---------------------------------------------------------------- options

/**
 * @typedef {object} Options
 * @property {AbortSignal | null} [signal] Aborts the request.
 */

/**
 * @typedef {object} ReadOptions
 * @property {AbortSignal | null} [signal] Aborts the request.
 * @property {string | null} [ifNoneMatch] The `etag` of what you have; resolves to a {@link NotModified} if it is
 *   still the same.
 */

/**
 * @typedef {object} CreateOptions
 * @property {AbortSignal | null} [signal] Aborts the request.
 * @property {string | null} [idempotencyKey] 1 to 255 printable ASCII characters. Sent again with the same body within
 *   24 hours, nothing is created twice. See {@link createOnce}.
 */

/**
 * @typedef {object} WriteOptions
 * @property {AbortSignal | null} [signal] Aborts the request.
 * @property {string | null} [ifMatch] The `etag` of what you have read; rejects with 412 `precondition_failed` if it
 *   has changed since.
 */

/**
 * @typedef {object} LoginOptions
 * @property {AbortSignal | null} [signal] Aborts the request.
 * @property {boolean} [keepSid] Keep the sid in this object and send it as `X-Session-ID` from now on, instead of
 *   relying on the cookie. So it is anyway if this object has been given a sid.
 */

/** @typedef {string} CustomerUuid A customer's uuid, or `"me"` for the customer who is signed in. */

// ---------------------------------------------------------------- errors

/**
 * The one error of this module: what the service refused, or why it could not be asked.
 *
 * `code` is for programs, `message` for people, in English. Beside the codes of the service there are, of this module:
 * `network_error` (no answer), `timeout` and `aborted` (by your `signal`), all with status 0; and `unexpected_answer`
 * (not one of this service: a proxy's error page, a wrong `baseUrl`). What lies behind those is in `cause`.
 */
export class CustomersError extends Error {
  /**
   * @param {object} detail
   * @param {number} detail.status
   * @param {string} detail.code
   * @param {string} detail.message
   * @param {Record<string, string[]>} [detail.errors]
   * @param {string | null} [detail.requestId]
   * @param {number | null} [detail.retryAfter]
   * @param {unknown} [detail.cause]
   */
  constructor({ status, code, message, errors = {}, requestId = null, retryAfter = null, cause }) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CustomersError";
    /** The HTTP status; 0 if there was no answer. */
    this.status = status;
    /** Stable, for programs. */
    this.code = code;
    /** Field to messages, where fields are at fault; otherwise empty. */
    this.errors = errors;
    /** The request's name in the service's log: quote it when asking for help. */
    this.requestId = requestId;
    /** Seconds after which it makes sense to try again, where the service said so. */
    this.retryAfter = retryAfter;
  }
}

// ---------------------------------------------------------------- the client

/** @typedef {typeof PATHS[number]} Route */

/**
 * @typedef {object} Request
 * @property {Record<string, string>} [places] What stands in the path's braces.
 * @property {Record<string, number | string | Date | null | undefined>} [query]
 * @property {object} [body]
 * @property {Options & ReadOptions & CreateOptions & WriteOptions} [options]
 * @property {boolean} [byHeader] As what this object is by default.
 */

/** @typedef {Answer<any> & { links?: any, meta?: any }} AnyAnswer */

/**
 * The API, as seen by one visitor.
 *
 * By cookie, unless told otherwise: the browser keeps the session and no script can read it. By header, if a `sid` is
 * given or a login is told to keep it: for programs, and for pages of another site. One object is one session then; an
 * admin and a customer need two.
 */
export class Customers {
  /** @type {string} */ #baseUrl;
  /** @type {string | null} */ #sid;
  /** @type {boolean} */ #byHeader;
  /** @type {typeof globalThis.fetch} */ #fetch;

  /**
   * @param {object} [options]
   * @param {string} [options.baseUrl] Where the service is, such as `https://api.shop.example`; by default where the
   *   page is. Programs outside a browser must give it.
   * @param {string | null} [options.sid] A session to go on with, by header.
   * @param {typeof globalThis.fetch} [options.fetch] What to send requests with.
   */
  constructor({ baseUrl = "", sid = null, fetch = globalThis.fetch } = {}) {
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#sid = sid;
    this.#byHeader = sid !== null;
    // Browsers refuse to have their fetch called as a method of something else.
    this.#fetch = (...request) => fetch(...request);
  }

  /** The session that is sent by header; null when signed out, and always null by cookie. */
  get sid() {
    return this.#sid;
  }

  // ---- accounts

  /**
   * Register. Signs nobody in.
   *
   * @param {NewCustomer} customer
   * @param {CreateOptions} [options]
   * @returns {Promise<Answer<LinkedCustomer>>}
   */
  async register(customer, options) {
    return this.#send(["POST", "/api/customers"], { body: customer, options });
  }

  /**
   * List customers: all, or those that filters leave. Admins only.
   *
   * @param {Options & Paging & CustomerFilters} [options]
   * @returns {Promise<CustomerPage>} Has `links` and `meta` beside `data`.
   */
  async list({ signal, ...query } = {}) {
    const answer = await this.#send(["GET", "/api/customers"], { query, options: { signal } });
    return /** @type {CustomerPage} */ (answer);
  }

  /**
   * Read the account that is signed in.
   *
   * @overload
   * @param {Options & { ifNoneMatch?: null }} [options]
   * @returns {Promise<Answer<CustomerWithAddresses>>}
   */
  /**
   * Read the account that is signed in, if it has changed.
   *
   * @overload
   * @param {ReadOptions} options
   * @returns {Promise<Answer<CustomerWithAddresses> | NotModified>}
   */
  /**
   * @param {ReadOptions} [options]
   * @returns {Promise<any>}
   */
  async me(options) {
    return this.#send(["GET", "/api/customers/{uuid}"], { places: { uuid: "me" }, options });
  }

  /**
   * Read a customer, with the addresses: the default first, then the oldest first.
   *
   * @overload
   * @param {CustomerUuid} uuid
   * @param {Options & { ifNoneMatch?: null }} [options]
   * @returns {Promise<Answer<CustomerWithAddresses>>}
   */
  /**
   * Read a customer, if it has changed.
   *
   * @overload
   * @param {CustomerUuid} uuid
   * @param {ReadOptions} options
   * @returns {Promise<Answer<CustomerWithAddresses> | NotModified>}
   */
  /**
   * @param {CustomerUuid} uuid
   * @param {ReadOptions} [options]
   * @returns {Promise<any>}
   */
  async get(uuid, options) {
    return this.#send(["GET", "/api/customers/{uuid}"], { places: { uuid }, options });
  }

  /**
   * Change what is named. A new password ends the account's other sessions.
   *
   * @param {CustomerUuid} uuid
   * @param {CustomerChanges} changes
   * @param {WriteOptions} [options]
   * @returns {Promise<Answer<LinkedCustomer>>}
   */
  async update(uuid, changes, options) {
    return this.#send(["PATCH", "/api/customers/{uuid}"], { places: { uuid }, body: changes, options });
  }

  /**
   * Delete the account with its addresses and sessions, for good. One's own needs a login not older than 15 minutes.
   *
   * @param {CustomerUuid} uuid
   * @param {WriteOptions} [options]
   * @returns {Promise<Answer<Customer>>} The customer as it was.
   */
  async remove(uuid, options) {
    return this.#send(["DELETE", "/api/customers/{uuid}"], { places: { uuid }, options });
  }

  /**
   * Get everything that is stored about a person, for whoever asks for it or takes it elsewhere.
   *
   * @param {CustomerUuid} uuid
   * @param {Options} [options]
   * @returns {Promise<Answer<Person>>}
   */
  async exportAccount(uuid, options) {
    return this.#send(["GET", "/api/customers/{uuid}/export"], { places: { uuid }, options });
  }

  /**
   * List what was done to an account, by whom and from where, the newest first. Admins only.
   *
   * @param {string} uuid Also of an account that has been deleted.
   * @param {Options & Paging} [options]
   * @returns {Promise<AuditPage>} Has `links` and `meta` beside `data`.
   */
  async listAuditEntries(uuid, { signal, ...query } = {}) {
    const request = { places: { uuid }, query, options: { signal } };
    return /** @type {AuditPage} */ (await this.#send(["GET", "/api/customers/{uuid}/audit"], request));
  }

  // ---- signing in and out

  /**
   * Sign a customer in. By header the sid is kept here; by cookie the browser keeps it, and `data.sid` is better left
   * where it is.
   *
   * @param {Credentials} credentials
   * @param {LoginOptions} [options]
   * @returns {Promise<Answer<{ sid: string }>>}
   */
  async login(credentials, options) {
    return this.#signIn(["POST", "/customer/login"], credentials, options);
  }

  /**
   * Sign the customer out, here and everywhere this session is used. Does no harm without a session.
   *
   * @param {Options} [options]
   * @returns {Promise<Answer<Nothing>>}
   */
  async logout(options) {
    return this.#signOut(["POST", "/customers/logout"], options);
  }

  /**
   * Sign an admin in.
   *
   * @param {Credentials} credentials
   * @param {LoginOptions} [options]
   * @returns {Promise<Answer<{ sid: string }>>}
   */
  async adminLogin(credentials, options) {
    return this.#signIn(["POST", "/admin/user/login"], credentials, options);
  }

  /**
   * Sign the admin out.
   *
   * @param {Options} [options]
   * @returns {Promise<Answer<Nothing>>}
   */
  async adminLogout(options) {
    return this.#signOut(["POST", "/admin/user/logout"], options);
  }

  // ---- addresses

  /**
   * List a customer's addresses: the default first, then the oldest first.
   *
   * @param {CustomerUuid} uuid
   * @param {Options} [options]
   * @returns {Promise<Answer<Address[]>>}
   */
  async listAddresses(uuid, options) {
    return this.#send(["GET", "/api/customers/{uuid}/addresses"], { places: { uuid }, options });
  }

  /**
   * Add an address.
   *
   * @param {CustomerUuid} uuid
   * @param {NewAddress} address
   * @param {CreateOptions} [options]
   * @returns {Promise<Answer<LinkedAddress>>}
   */
  async createAddress(uuid, address, options) {
    return this.#send(["POST", "/api/customers/{uuid}/addresses"], { places: { uuid }, body: address, options });
  }

  /**
   * Read an address.
   *
   * @overload
   * @param {CustomerUuid} uuid
   * @param {string} addressUuid
   * @param {Options & { ifNoneMatch?: null }} [options]
   * @returns {Promise<Answer<Address>>}
   */
  /**
   * Read an address, if it has changed.
   *
   * @overload
   * @param {CustomerUuid} uuid
   * @param {string} addressUuid
   * @param {ReadOptions} options
   * @returns {Promise<Answer<Address> | NotModified>}
   */
  /**
   * @param {CustomerUuid} uuid
   * @param {string} addressUuid
   * @param {ReadOptions} [options]
   * @returns {Promise<any>}
   */
  async getAddress(uuid, addressUuid, options) {
    const places = { uuid, address_uuid: addressUuid };
    return this.#send(["GET", "/api/customers/{uuid}/addresses/{address_uuid}"], { places, options });
  }

  /**
   * Change what is named of an address.
   *
   * @param {CustomerUuid} uuid
   * @param {string} addressUuid
   * @param {AddressChanges} changes
   * @param {WriteOptions} [options]
   * @returns {Promise<Answer<LinkedAddress>>}
   */
  async updateAddress(uuid, addressUuid, changes, options) {
    const places = { uuid, address_uuid: addressUuid };
    return this.#send(["PATCH", "/api/customers/{uuid}/addresses/{address_uuid}"], { places, body: changes, options });
  }

  /**
   * Delete an address.
   *
   * @param {CustomerUuid} uuid
   * @param {string} addressUuid
   * @param {WriteOptions} [options]
   * @returns {Promise<Answer<Address>>} The address as it was.
   */
  async deleteAddress(uuid, addressUuid, options) {
    const places = { uuid, address_uuid: addressUuid };
    return this.#send(["DELETE", "/api/customers/{uuid}/addresses/{address_uuid}"], { places, options });
  }

  // ---- sessions

  /**
   * List where a customer is signed in.
   *
   * @param {CustomerUuid} uuid
   * @param {Options} [options]
   * @returns {Promise<Answer<Session[]>>}
   */
  async listSessions(uuid, options) {
    return this.#send(["GET", "/api/customers/{uuid}/sessions"], { places: { uuid }, options });
  }

  /**
   * End one session.
   *
   * @param {CustomerUuid} uuid
   * @param {string} sessionUuid As in the list; not the sid.
   * @param {Options} [options]
   * @returns {Promise<Answer<Nothing>>}
   */
  async endSession(uuid, sessionUuid, options) {
    const places = { uuid, session_uuid: sessionUuid };
    return this.#send(["DELETE", "/api/customers/{uuid}/sessions/{session_uuid}"], { places, options });
  }

  /**
   * End all sessions but the one that asks.
   *
   * @param {CustomerUuid} uuid
   * @param {Options} [options]
   * @returns {Promise<Answer<Nothing>>}
   */
  async endOtherSessions(uuid, options) {
    return this.#send(["DELETE", "/api/customers/{uuid}/sessions"], { places: { uuid }, options });
  }

  // ---- groups of customers, for admins only

  /**
   * List all groups, the oldest first. The first is where every customer belongs that is in no other.
   *
   * @param {Options} [options]
   * @returns {Promise<Answer<CountedGroup[]>>}
   */
  async listGroups(options) {
    return this.#send(["GET", "/api/customer-groups"], { options });
  }

  /**
   * Add a group. Its name is unique, whatever its case.
   *
   * @param {{ group_name: string }} group
   * @param {CreateOptions} [options]
   * @returns {Promise<Answer<Group>>}
   */
  async createGroup(group, options) {
    return this.#send(["POST", "/api/customer-groups"], { body: group, options });
  }

  /**
   * Read a group.
   *
   * @param {string} groupUuid
   * @param {Options} [options]
   * @returns {Promise<Answer<CountedGroup>>}
   */
  async getGroup(groupUuid, options) {
    const places = { group_uuid: groupUuid };
    return this.#send(["GET", "/api/customer-groups/{group_uuid}"], { places, options });
  }

  /**
   * Rename a group.
   *
   * @param {string} groupUuid
   * @param {{ group_name: string }} changes
   * @param {Options} [options]
   * @returns {Promise<Answer<Group>>}
   */
  async updateGroup(groupUuid, changes, options) {
    const places = { group_uuid: groupUuid };
    return this.#send(["PATCH", "/api/customer-groups/{group_uuid}"], { places, body: changes, options });
  }

  /**
   * Delete a group, and move its customers to the first one, which cannot be deleted.
   *
   * @param {string} groupUuid
   * @param {Options} [options]
   * @returns {Promise<Answer<Group>>} The group as it was.
   */
  async deleteGroup(groupUuid, options) {
    const places = { group_uuid: groupUuid };
    return this.#send(["DELETE", "/api/customer-groups/{group_uuid}"], { places, options });
  }

  // ---- passwords

  /**
   * Change the password of the customer who is signed in, and end the other sessions.
   *
   * @param {{ current_password: string, password: string }} passwords
   * @param {Options} [options]
   * @returns {Promise<Answer<Nothing>>}
   */
  async changePassword(passwords, options) {
    return this.#send(["POST", "/api/customers/me/password"], { body: passwords, options });
  }

  /**
   * Have a mail sent with a link to a new password. The answer is the same whether or not there is such an account.
   *
   * @param {{ email: string }} account
   * @param {Options} [options]
   * @returns {Promise<Answer<Nothing>>}
   */
  async requestPasswordReset(account, options) {
    return this.#send(["POST", "/api/customers/reset-password"], { body: account, options });
  }

  /**
   * Set a new password with the token of the mail's link. Ends every session of the customer, and signs nobody in.
   *
   * @param {{ token: string, password: string }} reset
   * @param {Options} [options]
   * @returns {Promise<Answer<Nothing>>}
   */
  async resetPassword(reset, options) {
    return this.#send(["POST", "/api/customers/password"], { body: reset, options });
  }

  // ---- how it is done

  /**
   * @param {Route} route
   * @param {Credentials} credentials
   * @param {LoginOptions} [options]
   * @returns {Promise<Answer<{ sid: string }>>}
   */
  async #signIn(route, credentials, { keepSid = false, ...options } = {}) {
    const byHeader = keepSid || this.#byHeader;
    const answer = await this.#send(route, { body: credentials, options, byHeader });
    if (byHeader) {
      this.#byHeader = true;
      this.#sid = answer.data.sid;
    }
    return answer;
  }

  /**
   * @param {Route} route
   * @param {Options} [options]
   * @returns {Promise<Answer<Nothing>>}
   */
  async #signOut(route, options) {
    const answer = await this.#send(route, { options });
    this.#sid = null;
    return answer;
  }

  /**
   * @param {Route} route
   * @param {Request} request
   * @returns {Promise<any>}
   */
  async #send([method, template], { places = {}, query = {}, body, options = {}, byHeader = this.#byHeader }) {
    const { signal = null, idempotencyKey, ifMatch, ifNoneMatch } = options;
    const url = this.#baseUrl + filled(template, places) + search(query);
    const headers = {
      Accept: "application/json",
      ...(body && { "Content-Type": "application/json" }),
      ...(byHeader && this.#sid !== null && { "X-Session-ID": this.#sid }),
      ...(idempotencyKey != null && { "Idempotency-Key": idempotencyKey }),
      ...(ifMatch != null && { "If-Match": ifMatch }),
      ...(ifNoneMatch != null && { "If-None-Match": ifNoneMatch }),
    };
    try {
      const response = await this.#fetch(url, {
        method,
        headers,
        signal,
        body: body && JSON.stringify(body),
        // By header no cookie is sent or taken, so that a page may hold sessions of its own beside the browser's.
        credentials: byHeader ? "omit" : this.#baseUrl ? "include" : "same-origin",
        // The service redirects nobody, and neither a password nor a sid is for whoever else does.
        redirect: "error",
      });
      return await answerOf(response);
    } catch (error) {
      throw error instanceof CustomersError ? error : unanswered(error, signal);
    }
  }
}

/**
 * Return a path with its places filled in.
 *
 * @param {string} template
 * @param {Record<string, string>} places
 */
function filled(template, places) {
  return template.replace(/\{(\w+)\}/g, (_, name) => {
    const value = String(places[name]);
    // A uuid may come from a page's own address, where anybody can have written "../" or a slash into it.
    if (!/^[0-9A-Za-z-]+$/.test(value)) {
      throw new CustomersError({ status: 404, code: "not_found", message: "There is nothing at this address" });
    }
    return value;
  });
}

/**
 * Return a query string with its question mark, or nothing.
 *
 * @param {Record<string, number | string | Date | null | undefined>} query
 */
function search(query) {
  const given = Object.entries(query).filter(([, value]) => value != null);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, written(value)]))}` : "";
}

/**
 * Return a value as a query string has it.
 *
 * @param {unknown} value
 */
function written(value) {
  if (!(value instanceof Date)) return String(value);
  // What is no date is for the service to refuse, with the name of the field.
  return Number.isNaN(value.getTime()) ? "" : value.toISOString();
}

/**
 * Return what an HTTP response says, or throw it.
 *
 * @param {Response} response
 * @returns {Promise<AnyAnswer | NotModified>}
 */
async function answerOf(response) {
  const { status, headers } = response;
  const requestId = headers.get("X-Request-ID");
  const etag = headers.get("ETag");
  if (status === 304) {
    return { data: null, etag, status, replayed: false, requestId, notModified: true };
  }
  const text = await response.text();
  const retryAfter = seconds(headers.get("Retry-After"));
  /** @type {any} */
  let body;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new CustomersError({ status, ...UNEXPECTED, requestId, retryAfter, cause });
  }
  if (response.ok && body?.data !== undefined) {
    const replayed = headers.get("Idempotent-Replayed") === "true";
    return { ...body, etag, status: status === 201 ? 201 : 200, replayed, requestId, notModified: false };
  }
  const { code, message, errors } = body?.error ?? {};
  if (response.ok || typeof code !== "string") {
    throw new CustomersError({ status, ...UNEXPECTED, requestId, retryAfter });
  }
  throw new CustomersError({ status, code, message: String(message), errors, requestId, retryAfter });
}

const UNEXPECTED = { code: "unexpected_answer", message: "This is not an answer of the customer service" };

/**
 * Return the error of a request that got no answer.
 *
 * @param {unknown} cause
 * @param {AbortSignal | null} signal
 */
function unanswered(cause, signal) {
  if (!signal?.aborted) {
    return new CustomersError({ status: 0, code: "network_error", message: "The service cannot be reached", cause });
  }
  return signal.reason?.name === "TimeoutError"
    ? new CustomersError({ status: 0, code: "timeout", message: "The service took too long", cause: signal.reason })
    : new CustomersError({ status: 0, code: "aborted", message: "The request was aborted", cause: signal.reason });
}

/**
 * Return what Retry-After says, a number or a date, in seconds from now.
 *
 * @param {string | null} retryAfter
 */
function seconds(retryAfter) {
  if (retryAfter === null) return null;
  if (/^\s*\d+\s*$/.test(retryAfter)) return Number(retryAfter);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

// ---------------------------------------------------------------- safe retries

/**
 * Create something once, however often it takes to get an answer.
 *
 * Tries again after network errors, a 429 and a 503, all with one Idempotency-Key; waits as long as the service asks for,
 * or a little longer each time. Any other error, and the last one, is thrown. To try again later, in another call, give
 * the same key. Only the key of a caller who is signed in counts; a registration needs none, since its e-mail is unique.
 *
 * @example
 * const { data } = await createOnce((options) => customers.createAddress("me", form, options));
 *
 * @template T
 * @param {(options: { idempotencyKey: string, signal: AbortSignal | null }) => Promise<T>} create Sends the request
 *   with these options, and the same body each time.
 * @param {object} [options]
 * @param {string} [options.idempotencyKey]
 * @param {AbortSignal | null} [options.signal] Aborts the requests and the waiting.
 * @param {number} [options.tries] How often to try, at most.
 * @param {number} [options.firstWait] Seconds to wait after the first try, where the service does not say; about
 *   doubled each time.
 * @param {number} [options.longestWait] If the service asks for a longer wait than so many seconds, give up at once.
 * @returns {Promise<T>}
 */
export async function createOnce(
  create,
  { idempotencyKey = newIdempotencyKey(), signal = null, tries = 4, firstWait = 0.5, longestWait = 10 } = {},
) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await create({ idempotencyKey, signal });
    } catch (error) {
      if (!(error instanceof CustomersError) || !mayPass(error) || tried >= tries) throw error;
      // Not all at the same moment: whoever was refused together would come back together.
      const wait = error.retryAfter ?? firstWait * 2 ** (tried - 1) * (0.5 + Math.random() / 2);
      if (wait > longestWait) throw error;
      await pause(wait, signal);
    }
  }
}

/**
 * Return whether the same request may fare better later.
 *
 * @param {CustomersError} error
 */
function mayPass(error) {
  return error.code === "network_error" || [429, 503].includes(error.status);
}

/**
 * Return a new key for {@link createOnce}: unlike any other, but no secret.
 *
 * @returns {string}
 */
export function newIdempotencyKey() {
  const { crypto } = globalThis;
  if (crypto?.randomUUID) return crypto.randomUUID();
  // Browsers have no randomUUID over plain HTTP, Node 18 has no global crypto.
  const bytes = crypto ? crypto.getRandomValues(new Uint8Array(16)) : Uint8Array.from({ length: 16 }, byRandom);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function byRandom() {
  return Math.random() * 256;
}

/**
 * Wait for some seconds, or until aborted.
 *
 * @param {number} wait
 * @param {AbortSignal | null} signal
 * @returns {Promise<void>}
 */
function pause(wait, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(unanswered(null, signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, wait * 1000);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
