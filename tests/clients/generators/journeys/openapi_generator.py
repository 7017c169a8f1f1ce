"""The journey with what openapi-generator makes for Python."""

import json
import os
import uuid

import openapi_client as api

url = os.environ["CUSTOMERS_URL"]
email, password = f"{uuid.uuid4()}@example.com", "correct horse battery"

with api.ApiClient(api.Configuration(host=url)) as visitor:
    status = api.NewCustomerStatus("1")
    new = api.NewCustomer(email=email, password=password, full_name="Ann Customer", status=status)
    api.CustomersApi(visitor).create_customer(new)
    sid = str(api.SessionsApi(visitor).login_customer(api.Login(email=email, password=password)).data.sid)

with api.ApiClient(api.Configuration(host=url, api_key={"sessionHeader": sid})) as signed_in:
    customers = api.CustomersApi(signed_in)
    read = customers.get_customer("me").data.full_name
    renamed = customers.update_customer("me", api.CustomerChanges(full_name="Ann A. Customer")).data.full_name
    api.SessionsApi(signed_in).logout_customer()
    try:
        customers.get_customer("me")
        after = 200
    except api.ApiException as error:
        after = error.status or 0

print(json.dumps({"sid": sid, "read": read, "renamed": renamed, "after": after}))
