// What the examples of docs/frontend.md use: a page's fetch with its cookies, a form, a place to show texts, and the link
// of a mail.
import { readdirSync, readFileSync } from "node:fs";

const real = globalThis.fetch;
let cookie = "";
globalThis.fetch = async (path, { credentials, headers, ...init } = {}) => {
  const sent = credentials === "omit" ? headers : { ...headers, Cookie: cookie };
  const answer = await real(new URL(path, process.env.CUSTOMERS_URL), { ...init, headers: sent });
  if (credentials !== "omit") cookie = answer.headers.get("Set-Cookie")?.split(";")[0] ?? cookie;
  return answer;
};
const shown = [];
const show = (text) => shown.push(text);
const showAtFields = (errors) => show(Object.keys(errors).join());
const askForPassword = async () => "correct horse battery";
const form = { email: "jane@example.com", password: "short", full_name: "Jane" };
const history = { replaceState() {} };
const location = { get hash() { return `#token=${mailed()}`; } };

function mailed() {
  const folder = process.env.CUSTOMERS_MAIL_DIR;
  const mails = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  const texts = mails.map((mail) => mail.replace(/=\r?\n/g, "").replaceAll("=3D", "="));
  return texts.map((text) => /token=([\w-]{43})/.exec(text)?.[1]).find(Boolean);
}

async function mailArrives() {
  for (const end = Date.now() + 20_000; !mailed() && Date.now() < end; ) await new Promise((go) => setTimeout(go, 20));
}
