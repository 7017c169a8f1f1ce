/** Where the service is, and who is new there. */
export const url = process.env["CUSTOMERS_URL"] ?? "";
export const newcomer = {
  email: `${crypto.randomUUID()}@example.com`,
  password: "correct horse battery",
  full_name: "Ann Customer",
};

/** Print how it went, for the test. */
export function finish(sid: string, read: string | null | undefined, renamed: string | null | undefined, after: number | undefined) {
  console.log(JSON.stringify({ sid, read, renamed, after }));
}
