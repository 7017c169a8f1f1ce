// The client in TypeScript: types follow from what is passed.

import { createOnce, Customers } from "../../../clients/customers.js";

const customers = new Customers();
const address = { full_name: "Ann", address_1: "Main Street 1", province: "IL", country: "US", postcode: "62701" };

const { data: home } = await createOnce((options) => customers.createAddress("me", address, options));

export const uuid: string = home.uuid;
