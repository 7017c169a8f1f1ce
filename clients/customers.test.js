// @ts-check

/**
 * The client against a running service: `CUSTOMERS_URL` says where, `CUSTOMERS_MAIL_DIR` into which folder it writes
 * its mail, `CUSTOMERS_ADMIN` and `CUSTOMERS_ADMIN_PASSWORD` who manages it.
 */

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { createOnce, Customers, CustomersError, newIdempotencyKey } from "./customers.js";

const baseUrl = needed("CUSTOMERS_URL");
const mailFolder = needed("CUSTOMERS_MAIL_DIR");
const admin = { email: needed("CUSTOMERS_ADMIN"), password: needed("CUSTOMERS_ADMIN_PASSWORD") };

const PASSWORD = "correct horse battery";
const OTHER_PASSWORD = "staple correct horse";
const HOME = {
  full_name: "Ann Customer",
  telephone: "555-123-4567",
  address_1: "123 Main Street",
  city: "Springfield",
  province: "IL",
  country: "US",
  postcode: "62701",
};

/** @param {string} name */
function needed(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

/** Return a registration that is not there yet. */
function newcomer() {
  return { email: `${newIdempotencyKey()}@example.com`, password: PASSWORD, full_name: "Ann Customer" };
}

/** Register, sign in by header, and return what was registered with the client. */
async function signedUp() {
  const customer = newcomer();
  const customers = new Customers({ baseUrl });
  await customers.register(customer);
  await customers.login(customer, { keepSid: true });
  return { customer, customers };
}

/** Return a client that is signed in as the admin, by header. */
async function signedInAdmin() {
  const customers = new Customers({ baseUrl });
  await customers.adminLogin(admin, { keepSid: true });
  return customers;
}

/**
 * Return the error that a promise rejects with.
 *
 * @param {Promise<unknown>} promise
 * @returns {Promise<CustomersError>}
 */
async function refusal(promise) {
  const error = await promise.then(
    () => assert.fail("it was not refused"),
    (reason) => reason,
  );
  assert.ok(error instanceof CustomersError, `${error}`);
  return error;
}

/**
 * Look until something is there, for 20 seconds at most.
 *
 * @template T
 * @param {() => Promise<T | undefined>} look
 * @returns {Promise<T>}
 */
async function eventually(look) {
  const end = Date.now() + 20_000;
  while (Date.now() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20)); // between two looks, not in place of one
  }
  return assert.fail("it never came");
}

/**
 * Return a response as the service gives it.
 *
 * @param {number} status
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 */
function response(status, body, headers = {}) {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

// ---------------------------------------------------------------- accounts

test("from registration to logout by header", async () => {
  const customer = newcomer();
  const customers = new Customers({ baseUrl });

  const registered = await customers.register(customer);
  assert.equal(registered.status, 201);
  assert.equal(registered.data.email, customer.email);
  assert.equal(registered.data.links.length, 2);
  assert.ok(registered.requestId);

  const { data } = await customers.login(customer, { keepSid: true });
  assert.equal(customers.sid, data.sid);

  const me = await customers.me();
  assert.equal(me.data.uuid, registered.data.uuid);
  assert.deepEqual(me.data.addresses, []);
  assert.deepEqual((await customers.get(me.data.uuid)).data, me.data);

  const updated = await customers.update("me", { full_name: "Ann A. Customer" });
  assert.equal(updated.data.full_name, "Ann A. Customer");

  const elsewhere = new Customers({ baseUrl, sid: data.sid });
  assert.equal((await elsewhere.me()).data.full_name, "Ann A. Customer");

  assert.deepEqual((await customers.logout()).data, {});
  assert.equal(customers.sid, null);
  assert.equal((await refusal(elsewhere.me())).code, "not_authenticated");
});

test("a client by header stays one: after a logout it sends nothing, and the next login is kept", async () => {
  const { customer, customers } = await signedUp();

  await customers.logout();
  assert.equal((await refusal(customers.me())).status, 401);

  await customers.login(customer);
  assert.equal((await customers.me()).data.email, customer.email);
});

test("by cookie the sid is neither kept nor sent", async () => {
  const customer = newcomer();
  let jar = "";
  /** @type {RequestInit[]} */
  const sent = [];
  const customers = new Customers({
    baseUrl,
    fetch: async (url, init) => {
      sent.push(init ?? {});
      const answer = await fetch(url, { ...init, headers: { ...init?.headers, ...(jar && { Cookie: jar }) } });
      jar = answer.headers.get("Set-Cookie")?.split(";")[0] ?? jar;
      return answer;
    },
  });

  await customers.register(customer);
  await customers.login(customer);
  assert.equal((await customers.me()).data.email, customer.email);
  assert.equal(customers.sid, null);
  await customers.logout();
  assert.equal((await refusal(customers.me())).status, 401);

  assert.deepEqual(new Set(sent.map((init) => init.credentials)), new Set(["include"]));
  assert.ok(sent.every((init) => !("X-Session-ID" in (init.headers ?? {}))));
});

test("by header no cookie is sent or taken, by cookie only where the service is", async () => {
  const modes = async (/** @type {{ baseUrl?: string, sid?: string }} */ given, /** @type {boolean} */ keepSid) => {
    /** @type {unknown[]} */
    const sent = [];
    const customers = new Customers({
      ...given,
      fetch: async (_, init) => {
        sent.push(init?.credentials);
        return response(200, { data: { sid: "x" } });
      },
    });
    await customers.login({ email: "a@example.com", password: PASSWORD }, { keepSid });
    await customers.me();
    return sent;
  };

  assert.deepEqual(await modes({}, false), ["same-origin", "same-origin"]);
  assert.deepEqual(await modes({ baseUrl }, false), ["include", "include"]);
  assert.deepEqual(await modes({ baseUrl }, true), ["omit", "omit"]);
  assert.deepEqual(await modes({ sid: "x" }, false), ["omit", "omit"]);
});

test("a deleted account is answered as it was, and gone", async () => {
  const { customer, customers } = await signedUp();

  const { data } = await customers.remove("me");

  assert.equal(data.email, customer.email);
  assert.equal((await refusal(customers.me())).status, 401);
  assert.equal((await refusal(customers.login(customer))).code, "invalid_credentials");
});

test("what only admins may do is refused to a customer", async () => {
  const { customer, customers } = await signedUp();

  assert.equal((await refusal(customers.list({ page: 2, limit: 5 }))).code, "forbidden");
  assert.equal((await refusal(customers.listGroups())).code, "forbidden");
  assert.equal((await refusal(new Customers({ baseUrl }).adminLogin(customer))).code, "invalid_credentials");
  assert.deepEqual((await new Customers({ baseUrl }).adminLogout()).data, {});
});

test("everything about a person can be had by the person and by an admin, and by nobody else", async () => {
  const { customer, customers } = await signedUp();
  const { data: address } = await customers.createAddress("me", HOME);
  const other = await signedUp();

  const { data: person } = await customers.exportAccount("me");

  assert.deepEqual([person.email, person.group_name], [customer.email, "Default"]);
  assert.deepEqual(person.addresses.map(({ uuid }) => uuid), [address.uuid]);
  assert.equal(person.sessions.length, 1);
  assert.deepEqual((await (await signedInAdmin()).exportAccount(person.uuid)).data, person);
  assert.equal((await refusal(other.customers.exportAccount(person.uuid))).code, "forbidden");
});

// ---------------------------------------------------------------- for admins

test("what was done to an account can be read by admins, in pages", async () => {
  const { customers } = await signedUp();
  const { data: me } = await customers.me();
  await customers.update("me", { full_name: "Other" });
  const admin = await signedInAdmin();

  const first = await admin.listAuditEntries(me.uuid, { limit: 1 });

  assert.equal(first.data[0]?.event, "customer_updated");
  assert.deepEqual(first.data[0]?.actor, { kind: "customer", uuid: me.uuid });
  assert.equal(first.meta.total, 3);
  assert.equal((await admin.listAuditEntries(me.uuid, { limit: 2, page: 2 })).data[0]?.event, "customer_registered");
  assert.equal((await refusal(customers.listAuditEntries(me.uuid))).code, "forbidden");
});

test("the list is filtered, sorted and paged", async () => {
  const customers = await signedInAdmin();
  const mark = newIdempotencyKey().slice(0, 12);
  const names = [`B & 50% ${mark}`, `a ${mark}`, `C ${mark}`];
  const { data: first } = await customers.register({ ...newcomer(), full_name: names[0] ?? "" });
  for (const full_name of names.slice(1)) await customers.register({ ...newcomer(), full_name, status: 0 });
  const found = async (/** @type {Parameters<Customers["list"]>[0]} */ query) => {
    const { data, meta } = await customers.list({ keyword: mark, ...query });
    assert.equal(meta.total, data.length);
    return data.map(({ full_name }) => full_name);
  };

  assert.deepEqual(await found({}), names);
  assert.deepEqual(await found({ sort: "full_name" }), [names[1], names[0], names[2]]);
  assert.deepEqual(await found({ sort: "-full_name" }), [names[2], names[0], names[1]]);
  assert.deepEqual(await found({ status: 0 }), names.slice(1));
  assert.deepEqual(await found({ full_name: "& 50%", email: first.email.toUpperCase(), group_id: 1 }), [names[0]]);
  const created = new Date(`${first.created_at?.replace(" ", "T")}Z`);
  assert.deepEqual(await found({ created_from: created, created_to: new Date(created.getTime() + 3_600_000) }), names);
  assert.deepEqual(await found({ created_to: created }), []);
  assert.deepEqual(await found({ created_to: created.toISOString(), status: null, sort: undefined }), []);

  const second = await customers.list({ keyword: mark, limit: 1, page: 2 });
  assert.deepEqual(second.data.map(({ full_name }) => full_name), [names[1]]);
  assert.deepEqual([second.meta.total, second.meta.last_page, second.links.prev?.includes(mark)], [3, 3, true]);
  const wrong = await refusal(customers.list({ keyword: " ", created_from: new Date("never"), limit: 101 }));
  assert.equal(wrong.code, "invalid_input");
  assert.deepEqual(Object.keys(wrong.errors).sort(), ["created_from", "keyword", "limit"]);
  assert.equal((await refusal(customers.list({ keyword: mark, signal: AbortSignal.abort() }))).code, "aborted");
});

test("groups are created, read, renamed and deleted, and customers put into them", async () => {
  const customers = await signedInAdmin();
  const group_name = newIdempotencyKey();
  const idempotencyKey = newIdempotencyKey();

  const { status, data: group } = await customers.createGroup({ group_name }, { idempotencyKey });
  assert.deepEqual([status, group.group_name], [201, group_name]);
  assert.deepEqual((await customers.createGroup({ group_name }, { idempotencyKey })).data, group);
  const taken = await refusal(customers.createGroup({ group_name: group_name.toUpperCase() }));
  assert.deepEqual([taken.status, taken.code], [409, "group_name_taken"]);

  const { data: member } = await customers.register({ ...newcomer(), group_id: group.customer_group_id });
  assert.equal((await customers.getGroup(group.uuid)).data.customers, 1);
  const { data: members } = await customers.list({ group_id: group.customer_group_id });
  assert.deepEqual(members.map(({ uuid }) => uuid), [member.uuid]);
  assert.equal((await customers.update(member.uuid, { group_id: 1 })).data.group_id, 1);
  await customers.update(member.uuid, { group_id: group.customer_group_id });

  const { data: renamed } = await customers.updateGroup(group.uuid, { group_name: `${group_name}!` });
  assert.equal(renamed.group_name, `${group_name}!`);
  const { data: groups } = await customers.listGroups();
  assert.equal(groups.find(({ uuid }) => uuid === group.uuid)?.customers, 1);
  assert.equal((await refusal(customers.deleteGroup(groups[0]?.uuid ?? ""))).code, "default_group");

  assert.equal((await customers.deleteGroup(group.uuid)).data.group_name, `${group_name}!`);
  assert.equal((await refusal(customers.getGroup(group.uuid))).code, "group_not_found");
  assert.equal((await customers.get(member.uuid)).data.group_id, 1);
});

// ---------------------------------------------------------------- errors

test("an error for fields says which and why", async () => {
  const customers = new Customers({ baseUrl });

  const error = await refusal(customers.register({ email: "nobody", password: "short", full_name: "" }));

  assert.deepEqual([error.name, error.status, error.code], ["CustomersError", 400, "invalid_input"]);
  assert.deepEqual(Object.keys(error.errors).sort(), ["email", "full_name", "password"]);
  assert.ok(Object.values(error.errors).every((messages) => messages.every((text) => typeof text === "string")));
  assert.ok(error.message);
  assert.ok(error.requestId);
  assert.equal(error.retryAfter, null);
});

test("an error for no field has no errors by field", async () => {
  const { customer, customers } = await signedUp();

  const taken = await refusal(customers.register(customer));
  const foreign = await refusal(customers.get("00000000-0000-4000-8000-000000000000"));

  assert.deepEqual([taken.status, taken.code, taken.errors], [409, "email_taken", {}]);
  assert.deepEqual([foreign.status, foreign.code], [403, "forbidden"]);
});

test("Retry-After is given in seconds, whether it is a number or a date", async () => {
  const body = { error: { status: 503, code: "busy", message: "The service is busy; try again" } };
  const date = new Date(Date.now() + 60_000).toUTCString();
  const after = async (/** @type {string} */ text) => {
    const customers = new Customers({ fetch: async () => response(503, body, { "Retry-After": text }) });
    return (await refusal(customers.me())).retryAfter;
  };

  assert.equal(await after("7"), 7);
  assert.ok(Math.abs(Number(await after(date)) - 60) <= 2);
  assert.equal(await after("soon"), null);
});

test("no answer at all is the same class of error", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));

  const error = await refusal(new Customers({ baseUrl: `http://127.0.0.1:${port}` }).me());

  assert.deepEqual([error.status, error.code, error.requestId], [0, "network_error", null]);
  assert.ok(error.cause instanceof TypeError);
});

test("an answer that is not the service's is told from one", async () => {
  const pages = [
    new Response("<h1>Bad Gateway</h1>", { status: 502 }),
    new Response("<!doctype html>", { status: 200 }),
    response(404, { message: "no such page" }),
    response(200, {}),
    response(200, null),
  ];

  for (const page of pages) {
    const error = await refusal(new Customers({ fetch: async () => page }).me());
    assert.deepEqual([error.status, error.code], [page.status, "unexpected_answer"]);
  }
});

test("what is no uuid reaches no other path", async () => {
  const { customer, customers } = await signedUp();

  for (const wrong of ["", "..", "me/sessions", "me%2Fsessions", "x?y", "x#y"]) {
    const error = await refusal(customers.remove(wrong));
    assert.deepEqual([error.status, error.code], [404, "not_found"]);
  }
  assert.equal((await refusal(customers.get("nonsense"))).code, "not_found");
  assert.equal((await customers.me()).data.email, customer.email);
});

// ---------------------------------------------------------------- aborting

test("an aborted request is told from a failed one", async () => {
  const { customers } = await signedUp();
  const leaving = new AbortController();

  const under = customers.me({ signal: leaving.signal });
  leaving.abort();
  const during = await refusal(under);
  const before = await refusal(customers.me({ signal: AbortSignal.abort() }));

  assert.deepEqual([during.status, during.code], [0, "aborted"]);
  assert.deepEqual([before.status, before.code], [0, "aborted"]);
  assert.equal(/** @type {Error} */ (during.cause).name, "AbortError");
});

test("a request that takes too long is told from both", async () => {
  const signal = AbortSignal.abort(new DOMException("too long", "TimeoutError"));

  assert.equal((await refusal(new Customers({ baseUrl }).me({ signal }))).code, "timeout");
});

test("aborting ends the waiting between two tries", async () => {
  const leaving = new AbortController();
  const customers = new Customers({
    fetch: async () => {
      queueMicrotask(() => setImmediate(() => leaving.abort()));
      throw new TypeError("fetch failed");
    },
  });

  const error = await refusal(
    createOnce((options) => customers.register(newcomer(), options), { signal: leaving.signal, firstWait: 10 }),
  );

  assert.equal(error.code, "aborted");
});

// ---------------------------------------------------------------- safe retries

test("the same address twice with one key is made once", async () => {
  const { customers } = await signedUp();
  const idempotencyKey = newIdempotencyKey();

  const first = await customers.createAddress("me", HOME, { idempotencyKey });
  const second = await customers.createAddress("me", HOME, { idempotencyKey });

  assert.deepEqual([first.replayed, second.replayed], [false, true]);
  assert.deepEqual([second.status, second.data], [201, first.data]);
  const reused = await refusal(customers.createAddress("me", { ...HOME, city: "Chicago" }, { idempotencyKey }));
  assert.deepEqual([reused.status, reused.code], [400, "idempotency_key_reused"]);
});

test("a registration is done once without a key, and ignores one", async () => {
  const customer = newcomer();
  const customers = new Customers({ baseUrl });
  const idempotencyKey = newIdempotencyKey();

  const first = await customers.register(customer, { idempotencyKey });

  assert.deepEqual([first.status, first.replayed], [201, false]);
  assert.equal((await refusal(customers.register(customer, { idempotencyKey }))).code, "email_taken");
});

test("createOnce creates once when the answer is lost", async () => {
  const customer = newcomer();
  let losing = false;
  let requests = 0;
  const customers = new Customers({
    baseUrl,
    fetch: async (...request) => {
      if (!losing) return fetch(...request);
      requests += 1;
      const answer = await fetch(...request);
      await answer.text();
      if (requests < 3) throw new TypeError("the connection broke");
      return fetch(...request);
    },
  });

  await customers.register(customer);
  await customers.login(customer, { keepSid: true });

  losing = true;
  const send = (/** @type {{ idempotencyKey: string }} */ options) => customers.createAddress("me", HOME, options);
  const create = createOnce(send, { firstWait: 0, idempotencyKey: null });
  const { data, replayed } = await create;

  assert.deepEqual([requests, replayed, data.city], [3, true, HOME.city]);
});

test("createOnce tries again what may pass, with one key, and no more often than it may", async () => {
  /** @param {number} status @param {string} code @param {Record<string, string>} [headers] */
  const refused = (status, code, headers) => response(status, { error: { status, code, message: code } }, headers);
  const created = () => response(201, { data: { uuid: "x" } });
  const tried = async (/** @type {(() => Response)[]} */ ...answers) => {
    /** @type {unknown[]} */
    const keys = [];
    const customers = new Customers({
      fetch: async (_, init) => {
        keys.push(new Headers(init?.headers).get("Idempotency-Key"));
        return /** @type {() => Response} */ (answers[keys.length - 1])();
      },
    });
    const create = createOnce((options) => customers.register(newcomer(), options), { tries: 3, firstWait: 0 });
    const end = await create.then(
      ({ status }) => status,
      (/** @type {CustomersError} */ { code }) => code,
    );
    assert.ok(keys[0]);
    assert.equal(new Set(keys).size, 1);
    return [keys.length, end];
  };
  const busy = () => refused(503, "busy", { "Retry-After": "0" });
  const tooMany = (/** @type {string} */ seconds) => refused(429, "too_many_requests", { "Retry-After": seconds });

  assert.deepEqual(await tried(busy, busy, created), [3, 201]);
  assert.deepEqual(await tried(() => tooMany("0"), created), [2, 201]);
  assert.deepEqual(await tried(() => tooMany("3600"), created), [1, "too_many_requests"]);
  assert.deepEqual(await tried(busy, busy, busy, created), [3, "busy"]);
  assert.deepEqual(await tried(() => refused(409, "email_taken"), created), [1, "email_taken"]);
  assert.deepEqual(await tried(() => refused(503, "busy", { "Retry-After": "3600" }), created), [1, "busy"]);
});

// ---------------------------------------------------------------- edits that overwrite nothing

test("an edit of what has changed since is refused, and changes nothing", async () => {
  const { customers } = await signedUp();
  const { etag } = await customers.me();
  const other = await customers.update("me", { full_name: "First" }, { ifMatch: etag });

  const late = await refusal(customers.update("me", { full_name: "Second" }, { ifMatch: etag }));
  const gone = await refusal(customers.remove("me", { ifMatch: etag }));

  assert.ok(etag);
  assert.deepEqual([late.status, late.code], [412, "precondition_failed"]);
  assert.deepEqual([gone.status, gone.code], [412, "precondition_failed"]);
  assert.equal((await customers.me()).data.full_name, "First");
  await customers.update("me", { full_name: "Third" }, { ifMatch: other.etag });
});

test("a read of what has not changed says so", async () => {
  const { customers } = await signedUp();
  const { etag } = await customers.me();

  const same = await customers.me({ ifNoneMatch: etag });
  assert.deepEqual([same.notModified, same.status, same.data, same.etag], [true, 304, null, etag]);

  const { data: address } = await customers.createAddress("me", HOME);
  const changed = await customers.get("me", { ifNoneMatch: etag });
  assert.ok(!changed.notModified);
  assert.equal(changed.data.addresses[0]?.uuid, address.uuid);
  assert.notEqual(changed.etag, etag);
});

// ---------------------------------------------------------------- addresses

test("addresses are created, read, changed and deleted", async () => {
  const { customers } = await signedUp();

  const created = await customers.createAddress("me", { ...HOME, country: "us" });
  const { uuid } = created.data;
  assert.deepEqual([created.status, created.data.country, created.data.is_default], [201, "US", false]);

  const read = await customers.getAddress("me", uuid);
  assert.equal(read.data.address_1, HOME.address_1);
  assert.equal(read.etag, created.etag);
  assert.ok((await customers.getAddress("me", uuid, { ifNoneMatch: read.etag })).notModified);

  const changed = await customers.updateAddress("me", uuid, { city: "Chicago" }, { ifMatch: read.etag });
  assert.deepEqual([changed.data.city, changed.data.province], ["Chicago", HOME.province]);
  const late = await refusal(customers.deleteAddress("me", uuid, { ifMatch: read.etag }));
  assert.equal(late.code, "precondition_failed");

  const blank = await refusal(customers.updateAddress("me", uuid, { postcode: " " }));
  assert.deepEqual([blank.code, Object.keys(blank.errors)], ["invalid_input", ["postcode"]]);

  assert.equal((await customers.deleteAddress("me", uuid, { ifMatch: changed.etag })).data.city, "Chicago");
  assert.equal((await refusal(customers.getAddress("me", uuid))).code, "address_not_found");
  assert.deepEqual((await customers.listAddresses("me")).data, []);
});

test("a new default address takes the place of the old one", async () => {
  const { customers } = await signedUp();
  const { data: home } = await customers.createAddress("me", { ...HOME, is_default: true });
  const { data: work } = await customers.createAddress("me", { ...HOME, address_1: "1 Office Park" });
  const listed = async () => {
    const { data } = await customers.listAddresses("me");
    return data.map(({ uuid, is_default }) => [uuid, is_default]);
  };
  assert.deepEqual(await listed(), [[home.uuid, true], [work.uuid, false]]);

  await customers.updateAddress("me", work.uuid, { is_default: true });

  assert.deepEqual(await listed(), [[work.uuid, true], [home.uuid, false]]);
});

test("the same address twice with one key is one address", async () => {
  const { customers } = await signedUp();
  const idempotencyKey = newIdempotencyKey();

  const first = await customers.createAddress("me", HOME, { idempotencyKey });
  const second = await customers.createAddress("me", HOME, { idempotencyKey });

  assert.equal(second.data.uuid, first.data.uuid);
  assert.equal((await customers.listAddresses("me")).data.length, 1);
});

// ---------------------------------------------------------------- sessions

test("sessions are listed and ended", async () => {
  const { customer, customers } = await signedUp();
  const second = new Customers({ baseUrl });
  const third = new Customers({ baseUrl });
  await second.login(customer, { keepSid: true });
  await third.login(customer, { keepSid: true });

  const { data: sessions } = await customers.listSessions("me");
  assert.equal(sessions.length, 3);
  assert.deepEqual(sessions.map(({ current }) => current).sort(), [false, false, true]);
  assert.ok(sessions.every((session) => session.uuid && session.created_at && session.expires_at));

  const { data: ofSecond } = await second.listSessions("me");
  const own = ofSecond.find(({ current }) => current)?.uuid ?? "";
  await customers.endSession("me", own);
  assert.equal((await refusal(second.me())).code, "not_authenticated");
  assert.equal((await refusal(customers.endSession("me", own))).code, "session_not_found");
  assert.equal((await third.me()).data.email, customer.email);

  await customers.endOtherSessions("me");
  assert.equal((await refusal(third.me())).code, "not_authenticated");
  assert.equal((await customers.listSessions("me")).data.length, 1);
});

// ---------------------------------------------------------------- passwords

test("a changed password ends the other sessions, and needs the current one", async () => {
  const { customer, customers } = await signedUp();
  const elsewhere = new Customers({ baseUrl });
  await elsewhere.login(customer, { keepSid: true });

  const wrong = await refusal(customers.changePassword({ current_password: "wrong", password: OTHER_PASSWORD }));
  assert.deepEqual([wrong.status, wrong.code], [403, "wrong_password"]);
  await customers.changePassword({ current_password: PASSWORD, password: OTHER_PASSWORD });

  assert.equal((await customers.me()).data.email, customer.email);
  assert.equal((await refusal(elsewhere.me())).code, "not_authenticated");
  assert.equal((await refusal(elsewhere.login(customer))).code, "invalid_credentials");
  await elsewhere.login({ ...customer, password: OTHER_PASSWORD });
});

test("a forgotten password is replaced by the link in a mail, once", async () => {
  const { customer, customers } = await signedUp();

  assert.deepEqual((await customers.requestPasswordReset({ email: customer.email })).data, {});
  const token = await eventually(() => tokenMailedTo(customer.email));
  const weak = await refusal(customers.resetPassword({ token, password: "password" }));
  assert.deepEqual([weak.code, Object.keys(weak.errors)], ["invalid_input", ["password"]]);
  assert.deepEqual((await customers.resetPassword({ token, password: OTHER_PASSWORD })).data, {});

  assert.equal((await refusal(customers.me())).code, "not_authenticated");
  assert.equal((await refusal(customers.login(customer))).code, "invalid_credentials");
  await customers.login({ ...customer, password: OTHER_PASSWORD });
  const again = await refusal(customers.resetPassword({ token, password: PASSWORD }));
  assert.deepEqual([again.status, again.code], [400, "invalid_token"]);
});

test("nobody learns from a request for a new password who has an account", async () => {
  const { data } = await new Customers({ baseUrl }).requestPasswordReset({ email: newcomer().email });

  assert.deepEqual(data, {});
});

/**
 * Return the token of the link in a mail to an address, if there is one yet.
 *
 * @param {string} email
 */
async function tokenMailedTo(email) {
  const names = await readdir(mailFolder).catch(() => []); // it is made with the first mail
  for (const name of names.filter((name) => name.endsWith(".eml") && !name.startsWith("."))) {
    const mail = await readFile(join(mailFolder, name), "utf8");
    const link = mail.includes(`To: ${email}`) && /https?:\/\/\S+/.exec(plainText(mail))?.[0];
    if (link) return new URL(link).searchParams.get("token") ?? /[^/=#]+$/.exec(link)?.[0];
  }
  return undefined;
}

/**
 * Return the plain text of a mail, in its parts or alone.
 *
 * @param {string} mail
 */
function plainText(mail) {
  const lines = mail.replaceAll("\r\n", "\n");
  const boundary = /boundary="?([^"\n;]+)/.exec(lines)?.[1];
  const parts = boundary ? lines.split(`\n--${boundary}`) : [lines];
  const part = parts.find((part) => /^Content-Type: text\/plain/im.test(part)) ?? "";
  const text = part.slice(part.indexOf("\n\n", 1));
  if (/^Content-Transfer-Encoding: base64/im.test(part)) return Buffer.from(text, "base64").toString();
  if (!/^Content-Transfer-Encoding: quoted-printable/im.test(part)) return text;
  const byte = (/** @type {string} */ _, /** @type {string} */ hex) => String.fromCharCode(parseInt(hex, 16));
  return text.replace(/=\n/g, "").replace(/=([0-9A-F]{2})/gi, byte);
}
