// @ts-check

/**
 * The customer API for JavaScript: browsers, and Node 20 or later. It needs nothing but `fetch`.
 *
 * Every method resolves to an {@link Answer} and rejects with a {@link CustomersError}. Bodies and answers are those of
 * the API, with its names: their types come from its OpenAPI document. How to use it in a shop: docs/frontend.md.
 *
 * @example
 * const customers = new Customers();
 * await customers.login({ email: "john.smith@example.com", password: "correct horse battery" });
 * const { data: customer, etag } = await customers.me();
 * await customers.update("me", { full_name: "John A. Smith" }, { ifMatch: etag });
 * await customers.logout();
 */

/** @typedef {import("./openapi.d.ts").paths} Paths */
/** @typedef {import("./openapi.d.ts").components["schemas"]} Schemas */
/** @typedef {`${"GET" | "POST" | "PATCH" | "DELETE"} ${keyof Paths}`} Route */
/** @typedef {string} CustomerUuid A customer's uuid, or `"me"` for the customer who is signed in. */
/** @typedef {NonNullable<Paths["/api/customers"]["get"]["parameters"]["query"]>} CustomerQuery */
/** @typedef {NonNullable<Paths["/api/customers/{uuid}/audit"]["get"]["parameters"]["query"]>} AuditQuery */

/**
 * What may be left out may be null, too; a time may be a Date.
 *
 * @template T
 * @typedef {{ [K in keyof T]?: T[K] | null | (K extends "created_from" | "created_to" ? Date : never) }} Query
 */

/**
 * @template T
 * @typedef {object} Answer
 * @property {T} data What the API answers under `data`.
 * @property {string | null} etag The version, for `ifMatch` and `ifNoneMatch`; null where the API has none.
 * @property {200 | 201} status
 * @property {boolean} replayed Whether this is the first answer again, to a repeated `idempotencyKey`.
 * @property {string | null} requestId The request's name in the service's log.
 * @property {false} notModified
 */

/** @typedef {{ links: Schemas["PageLinks"], meta: Schemas["PageMeta"] }} Page */

/**
 * The answer to a read with `ifNoneMatch` if nothing has changed.
 *
 * @typedef {Omit<Answer<null>, "status" | "notModified"> & { status: 304, notModified: true }} NotModified
 */

/**
 * @template T
 * @template O
 * @typedef {O extends { ifNoneMatch?: null, signal?: any } ? Answer<T> : Answer<T> | NotModified} Read
 */

/** @typedef {{ signal?: AbortSignal | null }} Options `signal` aborts the request. */
/** @typedef {Options & { ifNoneMatch?: string | null }} ReadOptions `ifNoneMatch`: the `etag` of what you have. */
/** @typedef {Options & { ifMatch?: string | null }} WriteOptions `ifMatch`: the `etag` of what you have read. */
/** @typedef {Options & { idempotencyKey?: string | null }} CreateOptions `idempotencyKey`: see {@link createOnce}. */
/** @typedef {Options & { keepSid?: boolean }} LoginOptions `keepSid`: keep the sid and send it by header from now on. */

/**
 * The one error of this module: what the service refused, or why it could not be asked.
 *
 * Beside the service's codes there are, with status 0, `network_error`, `timeout` and `aborted` (by your `signal`); and
 * `unexpected_answer`, which is not one of this service: a proxy's error page, a wrong `baseUrl`.
 */
export class CustomersError extends Error {
  /**
   * @param {{ status: number, code: string, message: string, errors?: Record<string, string[]>,
   *   requestId?: string | null, retryAfter?: number | null, cause?: unknown }} detail
   */
  constructor({ status, code, message, errors = {}, requestId = null, retryAfter = null, cause }) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CustomersError";
    /** The HTTP status; 0 if there was no answer. */
    this.status = status;
    /** Stable, for programs. */
    this.code = code;
    /** Field to messages; empty if no field is invalid. */
    this.errors = errors;
    /** The request's name in the service's log. */
    this.requestId = requestId;
    /** Seconds to wait before the next try, where the service says so. */
    this.retryAfter = retryAfter;
  }
}

/**
 * The API, as seen by one visitor.
 *
 * By cookie, unless told otherwise: the browser keeps the session and no script can read it. By header, if a `sid` is
 * given or a login keeps it: for programs, and for pages of another site. One object is one session then.
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
   * Register. Signs nobody in. An `idempotencyKey` counts for admins only.
   * @param {Schemas["NewCustomer"]} customer @param {CreateOptions} [options]
   * @returns {Promise<Answer<Schemas["LinkedCustomer"]>>}
   */
  async register(customer, options) {
    return this.#send("POST /api/customers", { body: customer, options });
  }

  /**
   * List customers: all, or those that filters leave. Admins only.
   * @param {Options & Query<CustomerQuery>} [options] @returns {Promise<Answer<Schemas["Customer"][]> & Page>}
   */
  async list({ signal, ...query } = {}) {
    return this.#send("GET /api/customers", { query, options: { signal } });
  }

  /**
   * Read the account that is signed in.
   * @template {ReadOptions} [O={}] @param {O} [options]
   * @returns {Promise<Read<Schemas["CustomerWithAddresses"], O>>}
   */
  async me(options) {
    return this.get("me", options);
  }

  /**
   * Read a customer, with the addresses: the default first, then the oldest first.
   * @template {ReadOptions} [O={}] @param {CustomerUuid} uuid @param {O} [options]
   * @returns {Promise<Read<Schemas["CustomerWithAddresses"], O>>}
   */
  async get(uuid, options) {
    return this.#send("GET /api/customers/{uuid}", { places: { uuid }, options });
  }

  /**
   * Change what is named. A new password ends the account's other sessions.
   * @param {CustomerUuid} uuid @param {Schemas["CustomerChanges"]} changes @param {WriteOptions} [options]
   * @returns {Promise<Answer<Schemas["LinkedCustomer"]>>}
   */
  async update(uuid, changes, options) {
    return this.#send("PATCH /api/customers/{uuid}", { places: { uuid }, body: changes, options });
  }

  /**
   * Delete the account with its addresses and sessions, for good, and answer it as it was.
   * @param {CustomerUuid} uuid @param {WriteOptions} [options] @returns {Promise<Answer<Schemas["Customer"]>>}
   */
  async remove(uuid, options) {
    return this.#send("DELETE /api/customers/{uuid}", { places: { uuid }, options });
  }

  /**
   * Get everything that is stored about a person.
   * @param {CustomerUuid} uuid @param {Options} [options] @returns {Promise<Answer<Schemas["Person"]>>}
   */
  async exportAccount(uuid, options) {
    return this.#send("GET /api/customers/{uuid}/export", { places: { uuid }, options });
  }

  /**
   * List the security events of an account, the newest first. Admins only; also of a deleted account.
   * @param {string} uuid @param {Options & Query<AuditQuery>} [options]
   * @returns {Promise<Answer<Schemas["Entry"][]> & Page>}
   */
  async listAuditEntries(uuid, { signal, ...query } = {}) {
    return this.#send("GET /api/customers/{uuid}/audit", { places: { uuid }, query, options: { signal } });
  }

  // ---- signing in and out

  /**
   * Sign a customer in. By cookie, leave `data.sid` alone: the browser keeps the session.
   * @param {Schemas["Login"]} credentials @param {LoginOptions} [options]
   * @returns {Promise<Answer<Schemas["StartedSession"]>>}
   */
  async login(credentials, options) {
    return this.#signIn("POST /customer/login", credentials, options);
  }

  /**
   * End the customer's session, everywhere it is used. Does no harm without one.
   * @param {Options} [options] @returns {Promise<Answer<{}>>}
   */
  async logout(options) {
    return this.#signOut("POST /customers/logout", options);
  }

  /**
   * Sign an admin in.
   * @param {Schemas["Login"]} credentials @param {LoginOptions} [options]
   * @returns {Promise<Answer<Schemas["StartedSession"]>>}
   */
  async adminLogin(credentials, options) {
    return this.#signIn("POST /admin/user/login", credentials, options);
  }

  /** @param {Options} [options] @returns {Promise<Answer<{}>>} */
  async adminLogout(options) {
    return this.#signOut("POST /admin/user/logout", options);
  }

  // ---- addresses

  /** @param {CustomerUuid} uuid @param {Options} [options] @returns {Promise<Answer<Schemas["StoredAddress"][]>>} */
  async listAddresses(uuid, options) {
    return this.#send("GET /api/customers/{uuid}/addresses", { places: { uuid }, options });
  }

  /**
   * Add an address.
   * @param {CustomerUuid} uuid @param {Schemas["NewAddress"]} address @param {CreateOptions} [options]
   * @returns {Promise<Answer<Schemas["LinkedAddress"]>>}
   */
  async createAddress(uuid, address, options) {
    return this.#send("POST /api/customers/{uuid}/addresses", { places: { uuid }, body: address, options });
  }

  /**
   * Read an address.
   * @template {ReadOptions} [O={}] @param {CustomerUuid} uuid @param {string} address_uuid @param {O} [options]
   * @returns {Promise<Read<Schemas["StoredAddress"], O>>}
   */
  async getAddress(uuid, address_uuid, options) {
    const places = { uuid, address_uuid };
    return this.#send("GET /api/customers/{uuid}/addresses/{address_uuid}", { places, options });
  }

  /**
   * Change what is named of an address.
   * @param {CustomerUuid} uuid @param {string} address_uuid @param {Schemas["AddressChanges"]} changes
   * @param {WriteOptions} [options] @returns {Promise<Answer<Schemas["LinkedAddress"]>>}
   */
  async updateAddress(uuid, address_uuid, changes, options) {
    const places = { uuid, address_uuid };
    return this.#send("PATCH /api/customers/{uuid}/addresses/{address_uuid}", { places, body: changes, options });
  }

  /**
   * Delete an address, and answer it as it was.
   * @param {CustomerUuid} uuid @param {string} address_uuid @param {WriteOptions} [options]
   * @returns {Promise<Answer<Schemas["StoredAddress"]>>}
   */
  async deleteAddress(uuid, address_uuid, options) {
    const places = { uuid, address_uuid };
    return this.#send("DELETE /api/customers/{uuid}/addresses/{address_uuid}", { places, options });
  }

  // ---- sessions

  /** @param {CustomerUuid} uuid @param {Options} [options] @returns {Promise<Answer<Schemas["Session"][]>>} */
  async listSessions(uuid, options) {
    return this.#send("GET /api/customers/{uuid}/sessions", { places: { uuid }, options });
  }

  /**
   * End one session.
   * @param {CustomerUuid} uuid @param {string} session_uuid As in the list; not the sid. @param {Options} [options]
   * @returns {Promise<Answer<{}>>}
   */
  async endSession(uuid, session_uuid, options) {
    const places = { uuid, session_uuid };
    return this.#send("DELETE /api/customers/{uuid}/sessions/{session_uuid}", { places, options });
  }

  /** @param {CustomerUuid} uuid @param {Options} [options] @returns {Promise<Answer<{}>>} */
  async endOtherSessions(uuid, options) {
    return this.#send("DELETE /api/customers/{uuid}/sessions", { places: { uuid }, options });
  }

  // ---- groups of customers, for admins only

  /** @param {Options} [options] @returns {Promise<Answer<Schemas["CountedGroup"][]>>} */
  async listGroups(options) {
    return this.#send("GET /api/customer-groups", { options });
  }

  /** @param {Schemas["NewGroup"]} group @param {CreateOptions} [options] @returns {Promise<Answer<Schemas["Group"]>>} */
  async createGroup(group, options) {
    return this.#send("POST /api/customer-groups", { body: group, options });
  }

  /** @param {string} group_uuid @param {Options} [options] @returns {Promise<Answer<Schemas["CountedGroup"]>>} */
  async getGroup(group_uuid, options) {
    return this.#send("GET /api/customer-groups/{group_uuid}", { places: { group_uuid }, options });
  }

  /**
   * Rename a group.
   * @param {string} group_uuid @param {Schemas["GroupChanges"]} changes @param {Options} [options]
   * @returns {Promise<Answer<Schemas["Group"]>>}
   */
  async updateGroup(group_uuid, changes, options) {
    return this.#send("PATCH /api/customer-groups/{group_uuid}", { places: { group_uuid }, body: changes, options });
  }

  /** @param {string} group_uuid @param {Options} [options] @returns {Promise<Answer<Schemas["Group"]>>} */
  async deleteGroup(group_uuid, options) {
    return this.#send("DELETE /api/customer-groups/{group_uuid}", { places: { group_uuid }, options });
  }

  // ---- passwords

  /** @param {Schemas["PasswordChange"]} passwords @param {Options} [options] @returns {Promise<Answer<{}>>} */
  async changePassword(passwords, options) {
    return this.#send("POST /api/customers/me/password", { body: passwords, options });
  }

  /** @param {Schemas["ResetRequest"]} account @param {Options} [options] @returns {Promise<Answer<{}>>} */
  async requestPasswordReset(account, options) {
    return this.#send("POST /api/customers/reset-password", { body: account, options });
  }

  /** @param {Schemas["Reset"]} reset @param {Options} [options] @returns {Promise<Answer<{}>>} */
  async resetPassword(reset, options) {
    return this.#send("POST /api/customers/password", { body: reset, options });
  }

  // ---- how it is done

  /** @param {Route} route @param {Schemas["Login"]} credentials @param {LoginOptions} [options] */
  async #signIn(route, credentials, { keepSid = false, ...options } = {}) {
    const byHeader = keepSid || this.#byHeader;
    const answer = await this.#send(route, { body: credentials, options, byHeader });
    if (byHeader) {
      this.#byHeader = true;
      this.#sid = answer.data.sid;
    }
    return answer;
  }

  /** @param {Route} route @param {Options} [options] */
  async #signOut(route, options) {
    const answer = await this.#send(route, { options });
    this.#sid = null;
    return answer;
  }

  /**
   * @param {Route} route
   * @param {{ places?: Record<string, string>, query?: Record<string, unknown>, body?: object, byHeader?: boolean,
   *   options?: ReadOptions & CreateOptions & WriteOptions }} request
   * @returns {Promise<any>}
   */
  async #send(route, { places = {}, query = {}, body, options = {}, byHeader = this.#byHeader }) {
    const [method, template = ""] = route.split(" ");
    const { signal = null, idempotencyKey, ifMatch, ifNoneMatch } = options;
    const url = this.#baseUrl + filled(template, places) + search(query);
    // Outside of the try: what JSON cannot hold is a fault of the caller's code, and no network's.
    const text = body && JSON.stringify(body);
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
        body: text,
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

/** Return a path with its places filled in. @param {string} template @param {Record<string, string>} places */
function filled(template, places) {
  return template.replace(/\{(\w+)\}/g, (_, name) => {
    const value = String(places[name]);
    // A uuid may come from a page's own address, where anybody can have written "../" or a slash into it.
    if (!/^[0-9A-Za-z-]+$/.test(value)) {
      throw new CustomersError({ status: 404, code: "not_found", message: "Not found" });
    }
    return value;
  });
}

/** Return a query string with its question mark, or nothing. @param {Record<string, unknown>} query */
function search(query) {
  const given = Object.entries(query).filter(([, value]) => value != null);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, written(value)]))}` : "";
}

/** Return a value as a query string has it. @param {unknown} value */
function written(value) {
  if (!(value instanceof Date)) return String(value);
  // What is no date is for the service to refuse, with the name of the field.
  return Number.isNaN(value.getTime()) ? "" : value.toISOString();
}

/** Return what an HTTP response says, or throw it. @param {Response} response */
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

/** Return the error of a request that got no answer. @param {unknown} cause @param {AbortSignal | null} signal */
function unanswered(cause, signal) {
  if (!signal?.aborted) {
    return new CustomersError({ status: 0, code: "network_error", message: "The service cannot be reached", cause });
  }
  return signal.reason?.name === "TimeoutError"
    ? new CustomersError({ status: 0, code: "timeout", message: "The service took too long", cause: signal.reason })
    : new CustomersError({ status: 0, code: "aborted", message: "The request was aborted", cause: signal.reason });
}

/** Return what Retry-After says, a number or a date, in seconds from now. @param {string | null} retryAfter */
function seconds(retryAfter) {
  if (retryAfter === null) return null;
  if (/^\s*\d+\s*$/.test(retryAfter)) return Number(retryAfter);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

/**
 * Create something once, however often it takes to get an answer: an address, say. Only while signed in: the service
 * ignores the key of an anonymous registration.
 *
 * Tries again after network errors, a 429 and a 503, all with one Idempotency-Key; waits as long as the service asks for,
 * or a little longer each time. Any other error, and the last one, is thrown. To try again later, in another call, give
 * the same key.
 *
 * `create` sends the request with the options that it is given, and the same body each time. Waits are in seconds: the
 * first one doubles each time, where the service does not say; if it asks for more than the longest, give up at once.
 *
 * @example
 * const { data } = await createOnce((options) => customers.createAddress("me", form, options));
 *
 * @type {<T>(
 *   create: (options: { idempotencyKey: string, signal: AbortSignal | null }) => Promise<T>,
 *   options?: { idempotencyKey?: string | null, signal?: AbortSignal | null, tries?: number, firstWait?: number,
 *     longestWait?: number },
 * ) => Promise<T>}
 */
export const createOnce = async (
  create,
  { idempotencyKey, signal = null, tries = 4, firstWait = 0.5, longestWait = 10 } = {},
) => {
  const key = idempotencyKey ?? newIdempotencyKey();
  for (let tried = 1; ; tried += 1) {
    try {
      return await create({ idempotencyKey: key, signal });
    } catch (error) {
      if (!(error instanceof CustomersError) || !mayPass(error) || tried >= tries) throw error;
      // Not all at the same moment: whoever was refused together would come back together.
      const wait = error.retryAfter ?? firstWait * 2 ** (tried - 1) * (0.5 + Math.random() / 2);
      if (wait > longestWait) throw error;
      await pause(wait, signal);
    }
  }
};

/** Return whether the same request may succeed later. @param {CustomersError} error */
function mayPass(error) {
  return error.code === "network_error" || [429, 503].includes(error.status);
}

/** Return a new key for {@link createOnce}: unlike any other, but no secret. */
export function newIdempotencyKey() {
  // Not randomUUID, which browsers do not have over plain HTTP.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Wait for some seconds, or until aborted. @param {number} wait @param {AbortSignal | null} signal */
function pause(wait, signal) {
  return new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
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
