// What EverShop 2.2.1 does with its sessions, with the packages that it uses and set up as it sets them up. The comments name
// its sources. Settings: the PG… variables, COOKIE_SECRET, TIMEZONE. Prints the port that it listens on.
import { once } from 'node:events';
import { promisify } from 'node:util';
import cookieParser from 'cookie-parser';
import express from 'express';
import session from 'express-session';
import sessionStorage from 'connect-pg-simple';
import pg from 'pg';

// lib/postgres/connection
const pool = new pg.Pool({
  max: 20,
  onConnect: async (client) => { await client.query(`SET TIMEZONE TO "${process.env.TIMEZONE || 'UTC'}";`); }
});
const load = async (query, ...values) => (await pool.query(query, values)).rows[0];
const customerOf = (id) => load('SELECT * FROM customer WHERE customer_id = $1 AND status = 1', id);
const userOf = (id) => load('SELECT * FROM admin_user WHERE admin_user_id = $1 AND status', id);

// bin/lib/addDefaultMiddlewareFuncs, in production; saveUninitialized and the rest are its defaults
const secret = process.env.COOKIE_SECRET;
const options = {
  store: new (sessionStorage(session))({ pool }),
  secret,
  cookie: { maxAge: 24 * 60 * 60 * 1000, secure: false },
  resave: false,
  saveUninitialized: true
};
const app = express();
app.use(cookieParser(secret));
const storefront = session({ ...options, name: 'sid' });
const admin = session({ ...options, name: 'asid' });

// modules/customer/bootstrap and modules/auth/bootstrap: the key stays, undefined, so the row keeps everything else
const signOut = async (request, key) => {
  request.session[key] = undefined;
  await promisify(request.session.save.bind(request.session))();
};

// modules/customer/pages/frontStore/all/[context]auth, then modules/checkout/…/all/[auth]addCustomerToCart
const customer = async (request, response, next) => {
  const { customerID } = request.session;
  if (!customerID) return next();
  const found = await customerOf(customerID);
  if (!found) {
    await signOut(request, 'customerID');
    return response.redirect('/');
  }
  request.customer = found;
  const cart = await load('SELECT * FROM cart WHERE sid = $1 AND status', request.sessionID);
  if (cart) {
    await pool.query(
      `UPDATE cart SET customer_group_id = $1, customer_id = $2, customer_full_name = $3, customer_email = $4
        WHERE cart_id = $5`,
      [found.group_id, found.customer_id, found.full_name, found.email, cart.cart_id]
    );
  }
  next();
};
// lib/response/render: getNotifications
const render = (request, response) => {
  request.session.notifications = [];
  response.json({ email: (request.customer || request.user || { email: null }).email });
};

// /api runs no session middleware: modules/customer/api/global/[context]getCurrentCustomer[auth], getCurrentUser in modules/auth
const current = (cookie, key, find) => async (request, response) => {
  const storage = new (sessionStorage(session))({ pool });
  const sid = request.signedCookies[cookie];
  const sess = sid && await promisify(storage.get).bind(storage)(sid);
  const found = sess && await find(sess[key]);
  // A NULL in a field that GraphQL declares as never null makes the whole currentCustomer null.
  const whole = found && found.full_name !== null && found.created_at !== null;
  response.json({ email: whole ? found.email : null, sid: sid || null });
};
app.get('/api/graphql', current('sid', 'customerID', customerOf));
app.get('/api/admin/graphql', current('asid', 'userID', userOf));

app.all('/customer/logout', storefront, customer, async (request, response) => {
  await signOut(request, 'customerID');
  response.json({ data: {} });
});
// As the extension google_login signs in, and EverShop's own POST /customer/login: the sid stays
app.get('/google/:id', storefront, customer, (request, response) => {
  request.session.customerID = Number(request.params.id);
  response.json({ data: {} });
});
// A page that is being made until the next request for /release; with ?add it changes its session, with ?out
// it signs out
const held = [];
app.get('/slow', storefront, customer, async (request, response) => {
  await new Promise((release) => { held.push(release); });
  if ('add' in request.query) request.session.notifications = [{ message: 'Added', type: 'success' }];
  if ('out' in request.query) request.session.customerID = undefined;
  response.json({});
});
app.get('/held', (request, response) => response.json({ count: held.length }));
app.get('/release', (request, response) => {
  held.splice(0).forEach((release) => release());
  response.json({});
});

// modules/auth/pages/admin: all/[context]auth, adminLogoutJson, and what adminLoginJson does
app.get('/admin/login/:id', admin, (request, response) => {
  request.session.userID = Number(request.params.id);
  response.json({ data: {} });
});
app.get('/admin/user/logout', admin, async (request, response) => {
  await signOut(request, 'userID');
  response.json({ data: {} });
});
app.get('/admin', admin, async (request, response) => {
  request.user = await userOf(request.session.userID);
  if (request.user) return render(request, response);
  await signOut(request, 'userID');
  response.redirect('/admin/login');
});
app.get('*', storefront, customer, render);

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(server.address().port);
