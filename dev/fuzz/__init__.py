"""The fuzz: schemathesis calls every documented operation with what it makes of the OpenAPI document: `make fuzz`."""
