"""The journey with what openapi-generator makes for Python."""

import json
import os
import uuid

from openapi_client import (
    ApiClient,
    ApiException,
    Configuration,
    CustomerChanges,
    CustomersApi,
    Login,
    NewCustomer,
    NewCustomerStatus,
    SessionsApi,
)

url = os.environ["CUSTOMERS_URL"]
email, password = f"{uuid.uuid4()}@example.com", "correct horse battery"

with ApiClient(Configuration(host=url)) as visitor:
    new = NewCustomer(email=email, password=password, full_name="Ann Customer", status=NewCustomerStatus("1"))
    CustomersApi(visitor).create_customer(new)
    sid = str(SessionsApi(visitor).login_customer(Login(email=email, password=password)).data.sid)

with ApiClient(Configuration(host=url, api_key={"sessionHeader": sid})) as signed_in:
    customers = CustomersApi(signed_in)
    read = customers.get_customer("me").data.full_name
    renamed = customers.update_customer("me", CustomerChanges(full_name="Ann A. Customer")).data.full_name
    SessionsApi(signed_in).logout_customer()
    try:
        customers.get_customer("me")
        after = 200
    except ApiException as error:
        after = error.status or 0

print(json.dumps({"sid": sid, "read": read, "renamed": renamed, "after": after}))
