"""The family of errors that the service answers with.

A service raises a leaf; `answers.py` turns it into the one envelope. ``status`` is the HTTP status, ``code`` is stable
and for programs, the message is for people. The classes are also what `/openapi.json` documents the answers from.
"""

from customers.errors.access import (
    CrossSite,
    Forbidden,
    InvalidCredentials,
    LoginAgain,
    NotAuthenticated,
    StatusForbidden,
    WrongPassword,
)
from customers.errors.capacity import (
    Busy,
    MailUnavailable,
    SchemaMissing,
    Unavailable,
)
from customers.errors.family import Faults, ServiceError
from customers.errors.limits import LimitReached, TooManyAttempts, TooManyRequests
from customers.errors.requests import (
    BadRequest,
    BodyTooLarge,
    HeadersTooLarge,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    InvalidInput,
    InvalidToken,
    MalformedJson,
    MethodNotAllowed,
    NotFound,
    NothingToUpdate,
    UnsupportedMediaType,
    UriTooLong,
)
from customers.errors.things import (
    AddressNotFound,
    CustomerNotFound,
    DefaultGroup,
    EmailTaken,
    GroupNameTaken,
    GroupNotFound,
    PreconditionFailed,
    RequestInProgress,
    SessionNotFound,
    TooManyAddresses,
)

__all__ = [
    "AddressNotFound",
    "BadRequest",
    "BodyTooLarge",
    "Busy",
    "CrossSite",
    "CustomerNotFound",
    "DefaultGroup",
    "EmailTaken",
    "Faults",
    "Forbidden",
    "GroupNameTaken",
    "GroupNotFound",
    "HeadersTooLarge",
    "IdempotencyKeyInvalid",
    "IdempotencyKeyReused",
    "InvalidCredentials",
    "InvalidInput",
    "InvalidToken",
    "LimitReached",
    "LoginAgain",
    "MailUnavailable",
    "MalformedJson",
    "MethodNotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NothingToUpdate",
    "PreconditionFailed",
    "RequestInProgress",
    "SchemaMissing",
    "ServiceError",
    "SessionNotFound",
    "StatusForbidden",
    "TooManyAddresses",
    "TooManyAttempts",
    "TooManyRequests",
    "Unavailable",
    "UnsupportedMediaType",
    "UriTooLong",
    "WrongPassword",
]
