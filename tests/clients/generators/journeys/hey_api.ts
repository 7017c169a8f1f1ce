import { createCustomer, getCustomer, loginCustomer, logoutCustomer, updateCustomer } from "./generated";
import { client } from "./generated/client.gen";
import { finish, newcomer, url } from "./journey";

async function main() {
  client.setConfig({ baseUrl: url });
  await createCustomer({ body: { ...newcomer, status: "1" } });
  const login = await loginCustomer({ body: newcomer });
  const sid = login.data?.data.sid ?? "";

  client.setConfig({ auth: ({ in: place }) => (place === "cookie" ? undefined : sid) });
  const me = { path: { uuid: "me" } } as const;
  const read = await getCustomer(me);
  const renamed = await updateCustomer({ ...me, body: { full_name: "Ann A. Customer" } });
  await logoutCustomer();
  const after = await getCustomer(me);

  finish(sid, read.data?.data.full_name, renamed.data?.data.full_name, after.response?.status);
}

void main();
