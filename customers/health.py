"""For the orchestrator: is the process up, and can it serve."""

import marshmallow as ma

from customers import auth, schema
from customers.api import Blueprint, resources, without_database

blueprint = Blueprint("health", __name__, description="For the orchestrator")


EXAMPLE = {"data": {"status": "ok"}}


class Health(ma.Schema):
    """How the service is."""

    status = ma.fields.String(required=True, metadata={"enum": ["ok"]})


class HealthAnswer(ma.Schema):
    """The service is well."""

    data = ma.fields.Nested(Health, required=True)


@blueprint.route("/healthz", methods=["GET"])
@auth.public
@without_database
@blueprint.response(200, HealthAnswer, example=EXAMPLE)
def get_liveness() -> dict[str, dict[str, str]]:
    """Tell whether the process answers.

    Asks nothing of the database: a restart of this process would not mend it.
    """
    return {"data": {"status": "ok"}}


@blueprint.route("/readyz", methods=["GET"])
@auth.public
@blueprint.response(200, HealthAnswer, example=EXAMPLE)
def get_readiness() -> dict[str, dict[str, str]]:
    """Tell whether requests can be served.

    The database answers, and its schema is there and not older than this service.
    """
    schema.check(resources().database)
    return {"data": {"status": "ok"}}
