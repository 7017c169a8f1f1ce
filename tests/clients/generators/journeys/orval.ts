import { createCustomer, getCustomer, loginCustomer, logoutCustomer, updateCustomer } from "./generated";
import { finish, newcomer } from "./journey";

async function main() {
  await createCustomer({ ...newcomer, status: "1" });
  const login = await loginCustomer(newcomer);
  const sid = login.status === 200 ? login.data.data.sid : "";

  const signedIn = { headers: { "X-Session-ID": sid } };
  const read = await getCustomer("me", signedIn);
  const renamed = await updateCustomer("me", { full_name: "Ann A. Customer" }, signedIn);
  await logoutCustomer(signedIn);
  const after = await getCustomer("me", signedIn);

  const names = [read, renamed].map((answer) => (answer.status === 200 ? answer.data.data.full_name : null));
  finish(sid, names[0], names[1], after.status);
}

void main();
