import createClient from "openapi-fetch";

import { finish, newcomer, url } from "./journey";
import type { paths } from "./openapi";

async function main() {
  const visitor = createClient<paths>({ baseUrl: url });
  await visitor.POST("/api/customers", { body: { ...newcomer, status: "1" } });
  const login = await visitor.POST("/customer/login", { body: newcomer });
  const sid = login.data?.data.sid ?? "";

  const customers = createClient<paths>({ baseUrl: url, headers: { "X-Session-ID": sid } });
  const me = { params: { path: { uuid: "me" } } } as const;
  const read = await customers.GET("/api/customers/{uuid}", me);
  const renamed = await customers.PATCH("/api/customers/{uuid}", { ...me, body: { full_name: "Ann A. Customer" } });
  await customers.POST("/customers/logout");
  const after = await customers.GET("/api/customers/{uuid}", me);

  finish(sid, read.data?.data.full_name, renamed.data?.data.full_name, after.response.status);
}

void main();
