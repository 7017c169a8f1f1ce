"""The journey with what openapi-python-client makes."""

import json
import os
import uuid

from generated import AuthenticatedClient, Client, models
from generated.api.customers import create_customer, get_customer, update_customer
from generated.api.sessions import login_customer, logout_customer

url = os.environ["CUSTOMERS_URL"]
email, password = f"{uuid.uuid4()}@example.com", "correct horse battery"

with Client(base_url=url) as visitor:
    new = models.NewCustomer(email=email, password=password, full_name="Ann Customer", status="1")
    create_customer.sync(client=visitor, body=new)  # type: ignore[arg-type]  # its types demand a session where one is optional
    login = login_customer.sync(client=visitor, body=models.Login(email=email, password=password))
assert isinstance(login, models.StartedSessionAnswer)
sid = str(login.data.sid)

with AuthenticatedClient(base_url=url, token=sid, prefix="", auth_header_name="X-Session-ID") as signed_in:
    read = get_customer.sync("me", client=signed_in)
    renamed = update_customer.sync("me", client=signed_in, body=models.CustomerChanges(full_name="Ann A. Customer"))
    logout_customer.sync_detailed(client=signed_in)
    after = get_customer.sync_detailed("me", client=signed_in).status_code
assert isinstance(read, models.CustomerWithAddressesAnswer)
assert isinstance(renamed, models.LinkedCustomerAnswer)

print(json.dumps({"sid": sid, "read": read.data.full_name, "renamed": renamed.data.full_name, "after": after}))
