// @ts-check

/**
 * The example shop's page: an account by cookie, on the same origin as the service. Served beside customers.js.
 *
 * The mail's link is to /reset-password#token=…: what stands behind the # is sent to no server, and so is in no log.
 */

import { createOnce, Customers, CustomersError } from "./customers.js";

const customers = new Customers();
/** @type {string | null} What the account must still be to be changed: nobody's other change is lost. */
let etag = null;

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Say how it went.
 *
 * @param {string} text
 * @param {boolean} [fault]
 */
function say(text, fault = false) {
  element("notice").textContent = text;
  element("notice").classList.toggle("fault", fault);
}

/**
 * Do something when a form is sent, with what was filled in; say what it returns, or why it failed.
 *
 * @param {string} id
 * @param {(values: any, form: HTMLFormElement) => Promise<string>} act
 */
function onSubmit(id, act) {
  const form = /** @type {HTMLFormElement} */ (element(id));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      say(await act(Object.fromEntries(new FormData(form)), form));
    } catch (error) {
      if (!(error instanceof CustomersError)) throw error;
      if (error.code === "not_authenticated") show(null);
      if (error.code === "precondition_failed") await load();
      say(Object.values(error.errors).flat().join(" ") || error.message, true);
    }
  });
}

/**
 * Show the account, or the forms of a guest if there is none.
 *
 * @param {import("./customers.js").Schemas["CustomerWithAddresses"] | null} customer
 */
function show(customer) {
  element("guest").hidden = customer !== null;
  element("account").hidden = element("logout").hidden = customer === null;
  element("reset").hidden = true;
  const profile = /** @type {any} */ (element("profile")).elements;
  profile.full_name.value = customer?.full_name ?? "";
  profile.email.value = customer?.email ?? "";
  element("addresses").replaceChildren(
    ...(customer?.addresses ?? []).map((address) => {
      const item = document.createElement("li");
      const parts = [address.full_name, address.address_1, address.postcode, address.city, address.country];
      item.textContent = parts.filter(Boolean).join(", ");
      return item;
    }),
  );
}

/** Read who is signed in, and show it. */
async function load() {
  try {
    const answer = await customers.me();
    etag = answer.etag;
    show(answer.data);
  } catch (error) {
    if (!(error instanceof CustomersError)) throw error;
    show(null);
    if (error.status !== 401) say(error.message, true);
  }
}

onSubmit("register", async (values, form) => {
  await customers.register(values);
  form.reset();
  return "Your account is there. Sign in.";
});

onSubmit("login", async (values, form) => {
  await customers.login(values);
  form.reset();
  await load();
  return "You are signed in.";
});

onSubmit("forgotten", async (values, form) => {
  await customers.requestPasswordReset(values);
  form.reset();
  return "If there is an account with this address, a mail is on its way.";
});

onSubmit("profile", async ({ full_name }) => {
  await customers.update("me", { full_name }, { ifMatch: etag });
  await load();
  return "Saved.";
});

onSubmit("address", async (values, form) => {
  await createOnce((options) => customers.createAddress("me", values, options));
  form.reset();
  await load();
  return "The address is added.";
});

onSubmit("logout", async () => {
  await customers.logout();
  await load();
  return "You are signed out.";
});

// A page that the browser keeps for its Back button comes back as it was left, also after a sign-out in another tab: so it is
// left empty, and reads again who is signed in.
addEventListener("pagehide", () => {
  show(null);
  element("guest").hidden = true;
});
addEventListener("pageshow", (event) => {
  if (event.persisted) load();
});

const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  history.replaceState(null, "", "/"); // not to be left in the history
  element("reset").hidden = false;
  onSubmit("reset", async ({ password }) => {
    await customers.resetPassword({ token, password });
    await load();
    return "Your password is changed. Sign in.";
  });
} else {
  await load();
}
