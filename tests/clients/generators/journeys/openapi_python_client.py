"""The journey with what openapi-python-client makes."""

import json
import os
import uuid

from generated import AuthenticatedClient, Client
from generated.api.customers import create_customer, get_customer, update_customer
from generated.api.sessions import login_customer, logout_customer
from generated.models import (
    CustomerChanges,
    CustomerWithAddressesAnswer,
    LinkedCustomerAnswer,
    Login,
    NewCustomer,
    StartedSessionAnswer,
)

url = os.environ["CUSTOMERS_URL"]
email, password = f"{uuid.uuid4()}@example.com", "correct horse battery"

with Client(base_url=url) as visitor:
    new = NewCustomer(email=email, password=password, full_name="Ann Customer", status="1")
    create_customer.sync(client=visitor, body=new)  # type: ignore[arg-type]  # it knows no operation with or without sign-in
    login = login_customer.sync(client=visitor, body=Login(email=email, password=password))
assert isinstance(login, StartedSessionAnswer)
sid = str(login.data.sid)

with AuthenticatedClient(base_url=url, token=sid, prefix="", auth_header_name="X-Session-ID") as signed_in:
    read = get_customer.sync("me", client=signed_in)
    renamed = update_customer.sync("me", client=signed_in, body=CustomerChanges(full_name="Ann A. Customer"))
    logout_customer.sync_detailed(client=signed_in)
    after = get_customer.sync_detailed("me", client=signed_in).status_code
assert isinstance(read, CustomerWithAddressesAnswer)
assert isinstance(renamed, LinkedCustomerAnswer)

print(json.dumps({"sid": sid, "read": read.data.full_name, "renamed": renamed.data.full_name, "after": after}))
