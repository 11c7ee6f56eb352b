"""An AWS error becomes Transient, Missing or Terminal, and says where and how to mend it."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from resources.errors import Missing, Terminal, Transient, classify, make


def answer(code: str, message: str = "", status: int = 400, operation: str = "DescribeX"):
    meta = {"HTTPStatusCode": status, "RequestId": "req-1"}
    error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}
    return ClientError(error, operation)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("ThrottlingException"), Transient),
        (answer("ResourceLimitExceeded", "4 concurrent creates"), Transient),
        (answer("ExpiredTokenException"), Transient),
        (answer("ConflictException", "another update is in progress"), Transient),
        (answer("Whatever", status=503), Transient),
        (answer("AccessDeniedException"), Terminal),
        (answer("NotImplementedException", status=501), Terminal),
        (answer("ValidationException", "1 validation error detected"), Terminal),
        (answer("ValidationException", 'Could not find endpoint "e".'), Missing),
        (answer("EntityNotFoundException"), Missing),
        (answer("404", "Not Found", 404), Missing),
        # Reusing a client token for something else is a mistake of ours, never to be retried.
        (answer("ConflictException", "Token reused with different parameters"), Terminal),
    ],
)
def test_every_answer_has_its_kind(error, kind):
    assert type(classify(error, service="sagemaker")) is kind


def test_an_error_says_what_where_and_the_request_id():
    error = classify(answer("AccessDenied", "no", operation="AssumeRole"), service="s3")
    assert (error.service, error.operation, error.request_id) == ("sts", "AssumeRole", "req-1")
    assert "sts:AssumeRole answered AccessDenied: no (request id req-1)" in str(error)
    assert "ExternalId" in str(error)


def test_an_unreachable_endpoint_is_named_with_the_command_that_mends_it():
    error = classify(EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/"), service="glue")
    assert isinstance(error, Transient)
    assert "http://127.0.0.1:4566/" in str(error)
    assert "perennial up" in str(error)


def test_without_credentials_nothing_can_be_retried():
    error = classify(NoCredentialsError(), service="sts")
    assert isinstance(error, Terminal)
    assert "AWS_PROFILE" in str(error)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("EntityAlreadyExists", "Role with name r already exists."),
        ("PipelineNameInUseException", "taken"),
        ("InvalidRequestException", "WorkGroup is already created"),
        ("ValidationException", "Model Package Group already exists: g"),
    ],
)
def test_a_name_that_is_taken_is_no_failure_of_making_it(code, message):
    """The first request may have made it, and its answer been lost."""

    def create(**_):
        raise answer(code, message, operation="CreateX")

    assert make(create) is False
    assert make(lambda **_: {}) is True


def test_what_else_is_refused_when_making_is_raised():
    def create(**_):
        raise answer("ValidationException", "1 validation error detected")

    with pytest.raises(Terminal):
        make(create)
