"""Nothing is pretended: what moto answers has an effect, and the manifest says what is so."""

from __future__ import annotations

import pytest

from localaws import coverage
from localaws.core.allowed import ALLOWED, STORED
from localaws.core.provider import named_method
from tests.functional.localaws.proofs import identity, messages, storage
from tests.functional.localaws.proofs.prover import Prover

PROOFS = {
    name.removeprefix("prove_"): proof
    for module in (storage, identity, messages)
    for name, proof in vars(module).items()
    if name.startswith("prove_")
}


@pytest.mark.parametrize("service", sorted(ALLOWED))
def test_every_operation_that_reaches_moto_is_proved_to_do_something(aws, service):
    do = Prover(aws, service)
    PROOFS[service](do)
    assert set(ALLOWED[service]) - do.proved == set()


def test_a_write_that_changes_nothing_and_a_read_that_shows_nothing_prove_nothing(aws):
    do = Prover(aws, "sqs")
    queue = do("CreateQueue", QueueName="proof-of-nothing")["QueueUrl"]
    with pytest.raises(AssertionError, match="changed nothing"):
        do("UntagQueue", QueueUrl=queue, TagKeys=["never-there"])
    with pytest.raises(AssertionError, match="GetQueueAttributes"):
        do("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"], shows="never-there")
    assert do.proved == {"CreateQueue"}


def test_the_manifest_is_up_to_date():
    assert coverage.MANIFEST.read_text() == coverage.manifest(), "run python -m localaws.coverage"


def test_what_is_said_to_be_only_stored_is_reachable():
    for each in coverage.coverage():
        assert set(STORED.get(each.service, {})) <= set(each.stored), each.service


def test_every_public_method_of_a_provider_is_an_operation_of_its_service(aws):
    from botocore import xform_name

    from localaws.core.routing import service_model

    for service, provider in aws.server._gateway._providers.items():
        operations = {xform_name(name) for name in service_model(service).operation_names}
        methods = {name for name in dir(provider) if callable(named_method(provider, name))}
        assert methods - operations == set(), service
