import { Configuration, CustomersApi, ResponseError, SessionsApi } from "./generated";
import { finish, newcomer, url } from "./journey";

async function main() {
  const visitor = new Configuration({ basePath: url });
  const { email, password, full_name: fullName } = newcomer;
  await new CustomersApi(visitor).createCustomer({ newCustomer: { email, password, fullName, status: "1" } });
  const login = await new SessionsApi(visitor).loginCustomer({ login: { email, password } });
  const sid = login.data.sid;

  const signedIn = new Configuration({ basePath: url, apiKey: (name) => (name === "X-Session-ID" ? sid : "") });
  const customers = new CustomersApi(signedIn);
  const read = await customers.getCustomer({ uuid: "me" });
  const renamed = await customers.updateCustomer({ uuid: "me", customerChanges: { fullName: "Ann A. Customer" } });
  await new SessionsApi(signedIn).logoutCustomer();
  const after = await customers.getCustomer({ uuid: "me" }).then(
    () => 200,
    (error: unknown) => (error instanceof ResponseError ? error.response.status : 0),
  );

  finish(sid, read.data.fullName, renamed.data.fullName, after);
}

void main();
