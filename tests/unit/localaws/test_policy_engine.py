"""IAM's language: examples from AWS's documentation, and what must never slip through."""

from __future__ import annotations

import json

import pytest

from localaws.core.policy.context import Context
from localaws.core.policy.documents import Kind, read
from localaws.core.policy.evaluation import Guarded, Identity, decide
from localaws.core.policy.principals import Principal
from localaws.core.policy.public import is_public
from localaws.core.policy.statements import Ask

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/analyst"
SESSION = Principal(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/analyst/jane", ROLE)
USER = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/jane")
SERVICE = Principal(ACCOUNT, "sagemaker.amazonaws.com", is_service=True)
BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"


def ask(
    action="s3:GetObject", resource=f"{BUCKET}/key", principal=SESSION, absent=(), **keys
) -> Ask:
    values = {name.replace("__", ":").replace("_", "/"): value for name, value in keys.items()}
    return Ask(principal, action, resource, Context(values, absent))


def policy(*statements, kind=Kind.IDENTITY, version="2012-10-17"):
    return read(json.dumps({"Version": version, "Statement": list(statements)}), "test", kind)


def statement(effect="Allow", action="s3:GetObject", resource="*", **more):
    made = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return {key: value for key, value in made.items() if value is not None}


def judge(asked, *statements, resource=(), owner=ACCOUNT, kind=Kind.RESOURCE, **how):
    on_resource = policy(*resource, kind=kind) if resource else None
    identity = Identity(policies=(policy(*statements),), **how)
    guarded = Guarded(owner, on_resource, decides=kind is Kind.TRUST, kind=kind)
    return decide(asked, identity, guarded)


def holds(condition, asked=None, **keys):
    return judge(asked or ask(**keys), statement(Condition=condition)).allowed


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:getobject", "*", True),
        ("S3:Get*", f"{BUCKET}/*", True),
        ("s3:?etObject", f"{BUCKET}/k?y", True),
        ("*", "arn:aws:s3:::*", True),
        ("s3:PutObject", "*", False),
        ("s3:GetObjectVersion", "*", False),
        ("s3:GetObject", f"{BUCKET}/KEY", False),
        ("s3:GetObject", BUCKET, False),
        ("s3:GetObject", f"{BUCKET}/ke", False),
        ("GetObject", "*", False),
        ("s3:GetObject", "amzn-s3-demo-bucket/*", False),
        ([], "*", False),
        ("s3:GetObject", [], False),
    ],
)
def test_actions_ignore_case_and_resources_do_not(action, resource, allowed):
    assert judge(ask(), statement(action=action, resource=resource)).allowed is allowed


def test_within_an_arn_a_wildcard_stays_in_its_component_unless_it_ends_it():
    topic = "arn:aws:sns:us-east-1:111122223333:topic"
    for pattern, fits in (
        ("arn:aws:sns:us-*-1:111122223333:topic", True),
        ("arn:aws:sns:u*1:*:topic", True),
        ("arn:aws:sns:*:topic", True),
        ("arn:aws:s*3:topic", False),
    ):
        asked = ask("sns:Publish", topic)
        found = judge(asked, statement(action="sns:Publish", resource=pattern))
        assert found.allowed is fits, pattern


def test_not_action_and_not_resource_are_all_but_these():
    rest = statement(action=None, NotAction="iam:*")
    assert judge(ask(), rest).allowed
    assert not judge(ask("iam:PassRole", ROLE), rest).allowed
    others = statement("Deny", resource=None, NotResource=f"{BUCKET}/*")
    assert judge(ask(), statement(), others).allowed
    verdict = judge(ask(resource="arn:aws:s3:::other/key"), statement(), others)
    assert verdict.why == "with an explicit deny in an identity-based policy"


@pytest.mark.parametrize(
    ("operator", "given", "wanted", "fits"),
    [
        ("StringEquals", "prod", ["dev", "prod"], True),
        ("StringEquals", "prod", "PROD", False),
        ("StringEquals", "prod", "pr*", False),
        ("StringNotEquals", "prod", ["dev", "prod"], False),
        ("StringEqualsIgnoreCase", "prod", "PROD", True),
        ("StringNotEqualsIgnoreCase", "prod", "PROD", False),
        ("StringLike", "home/jane/", "home/*", True),
        ("StringLike", "home/jane/", "home/?", False),
        ("StringNotLike", "home/jane/", "home/*", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericLessThan", "10", 10, False),
        ("NumericGreaterThan", "10.5", "10", True),
        ("NumericNotEquals", "10", "10.0", False),
        ("NumericEquals", "10", "ten", False),
        ("NumericNotEquals", "10", "nan", False),
        ("DateGreaterThan", "2024-07-01T00:00:00Z", "2024-06-30", True),
        ("DateLessThan", "2024-07-01T00:00:00Z", "2024-06-30T23:59:59Z", False),
        ("DateLessThan", "2024-07-01T00:00:00Z", "1893456000", True),
        ("DateEquals", "2024-07-01T00:00:00Z", "yesterday", False),
        ("Bool", "true", True, True),
        ("Bool", "true", "false", False),
        ("Bool", "true", "yes", False),
        ("IpAddress", "203.0.113.7", ["192.0.2.0/24", "203.0.113.0/24"], True),
        ("NotIpAddress", "203.0.113.7", "203.0.113.0/24", False),
        ("IpAddress", "203.0.113.7", "203.0.113.0/240", False),
        ("IpAddress", "2001:db8::1", "2001:db8::/32", True),
        ("ArnLike", ROLE, "arn:aws:iam::*:role/team/*", True),
        ("ArnEquals", ROLE, "arn:aws:iam::*:role/*", True),
        ("ArnNotLike", ROLE, "arn:aws:iam::999999999999:*", True),
        ("ArnLike", ROLE, "arn:aws:*:role/team/analyst", False),
        ("ArnNotEquals", ROLE, "no arn", False),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
        ("StringMatches", "prod", "prod", False),
        ("StringNotMatches", "prod", "dev", False),
        ("stringequals", "prod", "prod", False),
        ("StringEquals", "prod", [], False),
        ("StringNotEquals", "prod", [], False),
    ],
)
def test_condition_operators(operator, given, wanted, fits):
    assert holds({operator: {"aws:key": wanted}}, aws__key=given) is fits
    denied = judge(
        ask(aws__key=given),
        statement(),
        statement("Deny", Condition={operator: {"aws:key": wanted}}),
    )
    certain = judge(
        ask(aws__key=given), statement(Condition={operator: {"aws:key": wanted}})
    ).allowed
    assert denied.allowed is False or not certain, "what allows here must deny there"


@pytest.mark.parametrize(
    ("operator", "absent", "present"),
    [
        ("StringEquals", False, True),
        ("StringNotEquals", True, False),
        ("StringEqualsIfExists", True, True),
        ("StringNotEqualsIfExists", True, False),
        ("ForAllValues:StringEquals", True, True),
        ("ForAnyValue:StringEquals", False, True),
        ("ForAnyValue:StringNotEquals", False, False),
    ],
)
def test_a_key_that_is_not_there(operator, absent, present):
    condition = {operator: {"aws:key": "a"}}
    assert holds(condition, ask(absent=["aws:key"])) is absent
    assert holds(condition, aws__key="a") is present
    assert not holds(condition), "a key nobody can tell is no key that is absent"


def test_null_asks_whether_a_key_is_there():
    for wanted, absent, present in (("true", True, False), (False, False, True)):
        condition = {"Null": {"aws:TokenIssueTime": wanted}}
        assert holds(condition, ask(absent=["aws:TokenIssueTime"])) is absent
        assert holds(condition, aws__TokenIssueTime="2024-01-01") is present


@pytest.mark.parametrize(
    ("operator", "tags", "fits"),
    [
        ("ForAllValues:StringEquals", ("team", "cost"), True),
        ("ForAllValues:StringEquals", ("team", "other"), False),
        ("ForAnyValue:StringEquals", ("other", "team"), True),
        ("ForAnyValue:StringEquals", ("other",), False),
        ("ForAllValues:StringNotEquals", ("a", "b"), True),
        ("ForAnyValue:StringNotEquals", ("team", "b"), True),
        ("StringEquals", ("team",), False),
    ],
)
def test_keys_of_several_values(operator, tags, fits):
    assert holds({operator: {"aws:TagKeys": ["team", "cost"]}}, aws__TagKeys=tags) is fits


@pytest.mark.parametrize(
    ("resource", "fits"),
    [
        (f"{BUCKET}/home/${{aws:username}}/*", True),
        (f"{BUCKET}/home/${{aws:PrincipalTag/team, 'jane'}}/*", True),
        (f"{BUCKET}/home/${{aws:PrincipalTag/team}}/*", False),
        (f"{BUCKET}/home/${{aws:unheard}}/*", False),
        (f"{BUCKET}/home/${{aws:username/*", False),
        (f"{BUCKET}/home/j${{*}}ne/*", False),
    ],
)
def test_variables_in_resources(resource, fits):
    asked = ask(
        resource=f"{BUCKET}/home/jane/x", aws__username="jane", absent=["aws:PrincipalTag/"]
    )
    assert judge(asked, statement(resource=resource)).allowed is fits


def test_wildcards_within_a_variables_value_mean_themselves():
    for name, fits in (("*", False), ("jane", True)):
        asked = ask(resource=f"{BUCKET}/home/jane/x", aws__username=name)
        home = statement(resource=f"{BUCKET}/home/${{aws:username}}/*")
        assert judge(asked, home).allowed is fits


def test_variables_are_plain_text_in_the_old_language():
    old = policy(statement(resource=f"{BUCKET}/${{aws:username}}"), version="2008-10-17")
    asked = ask(resource=f"{BUCKET}/jane", aws__username="jane")
    assert not decide(asked, Identity(policies=(old,)), Guarded(ACCOUNT)).allowed


def test_all_but_an_absent_variable_is_not_everything():
    condition = {"StringNotEquals": {"aws:key": "${aws:PrincipalTag/team}"}}
    asked = ask(aws__key="x", absent=["aws:PrincipalTag/"])
    assert not judge(asked, statement(Condition=condition)).allowed
    other = statement(resource=None, NotResource=f"{BUCKET}/${{aws:PrincipalTag/team}}")
    assert not judge(asked, other).allowed


@pytest.mark.parametrize(
    "broken",
    [
        {"Effect": "allow", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*"},
        {"Effect": "Allow", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "NotAction": "x:y", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Conditions": {}},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {}}},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a": {}}}},
    ],
)
def test_a_statement_not_understood_never_allows_and_always_denies(broken):
    assert not judge(ask(), broken).allowed
    if broken["Effect"] == "Allow":
        assert not judge(ask(), statement(), broken | {"Effect": "Deny"}).allowed


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", '{"Version": "2013-01-01", "Statement": []}', '{"Statement": ["x"]}',
     '{"Statement": [{"Effect": "Allow", "Action": "x:y", "Action": "*", "Resource": "*"}]}'],
)  # fmt: skip
def test_a_document_that_cannot_be_read_denies(document):
    unreadable = read(document, "broken", Kind.IDENTITY)
    verdict = decide(ask(), Identity(policies=(policy(statement()), unreadable)), Guarded(ACCOUNT))
    assert not verdict.allowed
    assert "not understood" in verdict.source


def test_a_deny_with_a_part_not_understood_denies_unless_another_part_certainly_differs():
    strange = statement("Deny", Condition={"Bool": {"x:unheard": "true"}})
    assert not judge(ask(), statement(), strange).allowed
    elsewhere = statement("Deny", "s3:PutObject", Condition={"Bool": {"x:unheard": "true"}})
    assert judge(ask(), statement(), elsewhere).allowed


def on(principal, effect="Allow", **more):
    return statement(effect, Principal=principal, **more)


OWNER = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    ("principal", "element", "alone", "across"),
    [
        # element names; suffices within the account; grants across accounts
        (SESSION, "*", True, True),
        (SESSION, {"AWS": "*"}, True, True),
        (SESSION, {"AWS": ROLE}, True, True),
        (SESSION, {"AWS": SESSION.arn}, True, True),
        (SESSION, {"AWS": ACCOUNT}, False, True),
        (SESSION, {"AWS": ["arn:aws:iam::999999999999:root", OWNER]}, False, True),
        (SESSION, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/analyst"}, False, False),
        (SESSION, {"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}, False, False),
        (SESSION, {"Federated": "cognito-identity.amazonaws.com"}, False, False),
        (SESSION, {"Service": "sagemaker.amazonaws.com"}, False, False),
        (SESSION, {"AWS": "AROAEXAMPLEID12345678"}, False, False),
        (SESSION, {"CanonicalUser": "79a5"}, False, False),
        (SESSION, [], False, False),
        (USER, {"AWS": USER.arn}, True, True),
        (SERVICE, {"Service": ["ecs.amazonaws.com", "sagemaker.amazonaws.com"]}, True, True),
        (SERVICE, "*", False, False),
        (SERVICE, {"AWS": OWNER}, False, False),
    ],
)
def test_principals(principal, element, alone, across):
    asked = ask(principal=principal)
    nothing = statement(action="x:y")
    assert judge(asked, nothing, resource=[on(element)]).allowed is alone
    both = judge(asked, statement(), resource=[on(element)], owner="999999999999")
    assert both.allowed is across
    if not principal.is_service:
        lonely = judge(asked, nothing, resource=[on(element)], owner="999999999999")
        assert not lonely.allowed, "across accounts both sides must allow"


def test_not_principal_spares_only_who_is_named_in_full():
    spared = {"AWS": [OWNER, ROLE, SESSION.arn]}
    for names, allowed in ((spared, True), ({"AWS": [OWNER, ROLE]}, False), ({"AWS": ROLE}, False)):
        deny = statement("Deny", NotPrincipal=names)
        assert judge(ask(), statement(), resource=[deny]).allowed is allowed
    anybody = statement(NotPrincipal={"AWS": "arn:aws:iam::999999999999:root"})
    assert not judge(ask(), statement(action="x:y"), resource=[anybody]).allowed


def test_trust_decides_alone_and_the_account_delegates():
    asked = ask("sts:AssumeRole", "arn:aws:iam::111122223333:role/other")

    def trusting(element, *identity):
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": element}
        return judge(asked, *identity, resource=[trust], kind=Kind.TRUST)

    everything = statement(action="*")
    assert trusting({"AWS": ROLE}, statement(action="x:y")).allowed
    assert trusting({"AWS": OWNER}, everything).allowed
    assert not trusting({"AWS": OWNER}, statement(action="x:y")).allowed
    verdict = trusting({"AWS": "arn:aws:iam::999999999999:root"}, everything)
    assert verdict.why == "because no role trust policy allows the sts:AssumeRole action"


def test_boundary_and_session_policies_narrow_but_not_what_names_the_session_itself():
    only_put = policy(statement(action="s3:PutObject"), kind=Kind.BOUNDARY)
    narrowed = judge(ask(), statement(), boundary=only_put)
    assert narrowed.why == "because no permissions boundary allows the s3:GetObject action"
    session = (policy(statement(action="s3:PutObject"), kind=Kind.SESSION),)
    assert not judge(ask(), statement(), session=session).allowed
    to_role, to_session = [on({"AWS": ROLE})], [on({"AWS": SESSION.arn})]
    assert not judge(ask(), statement(), resource=to_role, session=session).allowed
    assert judge(ask(), statement(action="x:y"), resource=to_session, session=session).allowed


def test_the_message_reads_as_awss():
    asked = ask()
    assert judge(asked, statement(action="x:y")).message(asked) == (
        "User: arn:aws:sts::111122223333:assumed-role/analyst/jane is not authorized to perform: "
        "s3:GetObject on resource: arn:aws:s3:::amzn-s3-demo-bucket/key because no identity-based "
        "policy allows the s3:GetObject action"
    )
    resource = [on("*", "Deny", Sid="Never")]
    verdict = judge(asked, statement(), resource=resource)
    assert verdict.why == "with an explicit deny in a resource-based policy"
    assert verdict.source == "test, Never"


def test_public_is_what_lets_everybody_in():
    narrowed = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    for statements, public in (
        ([on("*")], True),
        ([on({"AWS": ["*"]})], True),
        ([on({"AWS": OWNER})], False),
        ([on("*", "Deny")], False),
        ([on("*", Condition=narrowed)], False),
        ([on("*", Condition={"StringLike": {"aws:PrincipalArn": "*"}})], True),
        ([on("*", Condition={"StringNotEquals": {"aws:PrincipalAccount": "1"}})], True),
    ):
        assert is_public(policy(*statements, kind=Kind.RESOURCE)) is public
