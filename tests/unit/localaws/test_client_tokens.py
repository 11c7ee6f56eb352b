"""Client tokens: none of our operations forgets its own, and one means one effect."""

from __future__ import annotations

import importlib
import threading
from types import SimpleNamespace

import botocore.session
import pytest
from botocore import xform_name
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.core.accounts import Caller
from localaws.core.errors import ServiceError
from localaws.core.provider import Call
from localaws.core.store import Store
from localaws.core.tokens import ClientToken, TokenRule
from localaws.services import PROVIDERS

#: How each operation with a token treats it; the rows marked "token" are tried over HTTP in
#: tests/functional/localaws/test_client_tokens.py.
TREATED = {
    ("athena", "StartQueryExecution", "ClientRequestToken"): "token",
    # The query's own id: stopping twice is stopping once.
    ("athena", "StopQueryExecution", "QueryExecutionId"): "natural",
    ("codebuild", "StartBuild", "idempotencyToken"): "token, 5 minutes",
    # Handed out by the service for one approval, and refused ever after.
    ("codepipeline", "PutApprovalResult", "token"): "approval",
    ("codepipeline", "StartPipelineExecution", "clientRequestToken"): "token",
    ("sagemaker", "CreateModelPackage", "ClientToken"): "token",
    ("sagemaker", "CreatePipeline", "ClientRequestToken"): "token",
    ("sagemaker", "DeletePipeline", "ClientRequestToken"): "token",
    ("sagemaker", "RetryPipelineExecution", "ClientRequestToken"): "token",
    ("sagemaker", "StartPipelineExecution", "ClientRequestToken"): "token",
    ("sagemaker", "StopPipelineExecution", "ClientRequestToken"): "token",
    ("sagemaker", "UpdateModelPackage", "ClientToken"): "token",
}
_PAGING = {"nexttoken", "paginationtoken"}


def _tokens_of(path: str) -> set[tuple[str, str, str]]:
    module, _, name = path.partition(":")
    provider = getattr(importlib.import_module(module), name)
    model = botocore.session.get_session().get_service_model(provider.service)
    return {
        (provider.service, operation, member)
        for operation in model.operation_names
        if callable(getattr(provider, xform_name(operation), None))
        for member, shape in _members(model.operation_model(operation))
        if shape.metadata.get("idempotencyToken") or member.lower().endswith("token")
        if member.lower() not in _PAGING
    }


def _members(operation):
    return operation.input_shape.members.items() if operation.input_shape else ()


def test_every_token_of_our_operations_has_its_treatment():
    found = set().union(*(_tokens_of(path) for path in PROVIDERS))
    assert found == TREATED.keys()


class _Clock:
    def __init__(self, store):
        self.store = store
        self.time = 0.0

    def now(self):
        return self.time


def _token(context, request, rule, scope=""):
    caller = Caller("111111111111", "arn:aws:iam::111111111111:user/administrator")
    call = Call(
        "service", "Operation", "111111111111", "us-east-1", "id", caller.principal_arn, {}, caller
    )
    return ClientToken(context, call, request, rule, scope)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]), st.integers(0, 1), st.sampled_from([0, 10, 300])
        ),
        max_size=12,
    ),
    st.sampled_from([None, 300.0]),
)
def test_tokens_agree_with_a_small_model(tmp_path_factory, calls, seconds):
    context = _Clock(Store(tmp_path_factory.mktemp("store") / "documents.sqlite"))
    rule = TokenRule("Token", "Mismatch", seconds)
    effects, model = [], {}
    for token, parameter, wait in calls:
        context.time += wait
        known = model.get(token) if token else None
        if known and seconds is not None and context.time - known["at"] >= seconds:
            known = None
        request = {"Parameter": parameter} | ({"Token": token} if token else {})

        def effect():
            effects.append(1)
            return {"number": len(effects)}

        if known and known["parameter"] != parameter:
            with pytest.raises(ServiceError, match="other parameters"):
                _token(context, request, rule).once(effect)
            continue
        before = len(effects)
        answer, new = _token(context, request, rule).once(effect)
        assert new == (known is None) == (len(effects) == before + 1)
        assert answer == (known["answer"] if known else {"number": before + 1})
        if token and new:
            model[token] = {"at": context.time, "parameter": parameter, "answer": answer}


def test_an_effect_that_fails_leaves_neither_itself_nor_its_token(tmp_path):
    context = _Clock(Store(tmp_path / "documents.sqlite"))
    table = context.store.table("things")
    rule = TokenRule("Token", "Mismatch")

    def fails():
        table.put("thing", {})
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - any of ours
        _token(context, {"Token": "t"}, rule).once(fails)
    assert table.get("thing") is None
    assert _token(context, {"Token": "t", "Other": 1}, rule).once(dict) == ({}, True)


def test_scopes_are_apart(tmp_path):
    context = _Clock(Store(tmp_path / "documents.sqlite"))
    rule = TokenRule("Token", "Mismatch")
    assert _token(context, {"Token": "t"}, rule, "one").once(dict)[1]
    assert _token(context, {"Token": "t", "Other": 1}, rule, "two").once(dict)[1]


def test_threads_with_one_token_have_one_effect(tmp_path):
    context = SimpleNamespace(store=Store(tmp_path / "documents.sqlite"), now=lambda: 0.0)
    rule = TokenRule("Token", "Mismatch")
    effects, answers, barrier = [], [], threading.Barrier(8)

    def effect():
        effects.append(1)
        return {"number": len(effects)}

    def ask():
        barrier.wait()
        answers.append(_token(context, {"Token": "t"}, rule).once(effect)[0])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(effects) == 1
    assert answers == [{"number": 1}] * 8
