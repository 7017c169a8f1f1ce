// What a page of another origin tries with fetch, and what it gets to see. "no-cors" sends without asking first.
async (url) => {
  const address = { address_1: "Evil Street" };
  const tried = [
    ["GET", "/api/customers/me", null, "cors"],
    ["PATCH", "/api/customers/me", { full_name: "Evil" }, "cors"],
    ["DELETE", "/api/customers/me", {}, "cors"],
    ["GET", "/api/customers/me", null, "no-cors"],
  ];
  for (const path of ["/api/customers/me/addresses", "/customers/logout", "/orders/"])
    tried.push(["POST", path, address, "cors"], ["POST", path, address, "no-cors"]);
  const seen = [];
  for (const [method, path, body, mode] of tried) {
    try {
      const headers = { "Content-Type": mode === "no-cors" ? "text/plain" : "application/json" };
      const sent = body ? { headers, body: JSON.stringify(body) } : {};
      const answer = await fetch(url + path, { method, mode, credentials: "include", ...sent });
      seen.push([answer.type, await answer.text()]);
    } catch {
      seen.push(["refused", ""]);
    }
  }
  return seen;
}
