"""The listeners of a cluster: which there are, and whom each serves, as declared and as observed."""

from __future__ import annotations

from itertools import product
from typing import Any

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.facts.listeners import KINDS
from mskaudit.model.evidence import Gap, Reason
from tests.facts.builders import BARE, SERVERLESS, facts_of, listeners_of, reasons, said

ALL = ("declared.iam", "declared.scram", "declared.mtls", "declared.unauthenticated")
OFF: dict[str, Any] = {**BARE, **dict.fromkeys(ALL, False)}
IAM = {**OFF, "declared.iam": True}
MTLS = {**OFF, "declared.mtls": True}
ONE = {
    "Plaintext": "b:9092",
    "Tls": "b:9094",
    "SaslScram": "b:9096",
    "SaslIam": "b:9098",
    "TlsIpv6": "[2001:db8::1]:20094",
    "PlaintextIpv6": "[2001:db8::1]:20092",
    "PublicTls": "b:9194",
    "VpcConnectivitySaslIam": "b:14001",
}
TLS_SEEN = {
    "observed.transport": "tls",
    "observed.sasl_mechanisms": [],
    "observed.serves_anonymous": False,
    "observed.client_certificate": "required",
}


def bootstrap(*names: str) -> dict[str, Any]:
    return {"declared.bootstrap": [{"listener": name, "address": ONE[name]} for name in names]}


def model(client_broker: str | None, on: dict[str, Any]) -> set[str]:
    """The ports that Amazon MSK opens, written down a second time from its documentation."""
    ports: set[str] = set()
    anyone = not (on["declared.iam"] or on["declared.scram"] or on["declared.mtls"])
    if client_broker in ("PLAINTEXT", "TLS_PLAINTEXT"):
        ports.add("*:9092")
    if client_broker != "PLAINTEXT" and (on["declared.mtls"] or on["declared.unauthenticated"] or anyone):
        ports.add("*:9094")
    if on["declared.scram"]:
        ports.add("*:9096")
    if on["declared.iam"]:
        ports.add("*:9098")
    return ports


@pytest.mark.parametrize("client_broker", ["TLS", "TLS_PLAINTEXT", "PLAINTEXT", None])
@pytest.mark.parametrize("flags", list(product([False, True], repeat=4)), ids=lambda f: "".join("-x"[on] for on in f))
def test_settings_open_the_documented_ports_and_tell_whom_they_serve(
    client_broker: str | None, flags: tuple[bool, ...]
) -> None:
    on = dict(zip(ALL, flags, strict=True))
    listeners = listeners_of({**BARE, **on, "declared.client_broker": client_broker})
    assert set(listeners) == (model(client_broker, on) or {"*"})
    for address, facts in listeners.items():
        anonymous = address == "*:9092" or (
            address == "*:9094" and (on["declared.unauthenticated"] or not on["declared.mtls"])
        )
        assert said(facts["declared.anonymous"]) is anonymous
        assert said(facts["declared.plaintext"]) is (address == "*:9092")
        assert said(facts["declared.exists"]) is True


@pytest.mark.parametrize(
    ("settings_", "more"),
    [
        pytest.param({"declared.public_access": "SERVICE_PROVIDED_EIPS"}, {"*:9194", "*:9196", "*:9198"}, id="public"),
        pytest.param({"declared.private_link_tls": True}, {"*:VpcConnectivityTls"}, id="PrivateLink with certificates"),
        pytest.param(
            {"declared.private_link_scram": True}, {"*:VpcConnectivitySaslScram"}, id="PrivateLink with SCRAM"
        ),
        pytest.param({"declared.private_link_iam": True}, {"*:VpcConnectivitySaslIam"}, id="PrivateLink with IAM"),
    ],
)
def test_settings_open_listeners_beyond_the_vpc(settings_: dict[str, Any], more: set[str]) -> None:
    every = {**BARE, **dict.fromkeys(ALL, True), "declared.unauthenticated": False}
    assert set(listeners_of({**every, **settings_})) - set(listeners_of(every)) == more


def test_known_addresses_win_over_settings() -> None:
    assert set(listeners_of({**MTLS, **bootstrap("SaslIam")})) == {"b:9098"}


@pytest.mark.parametrize(
    ("name", "protocol", "anonymous"),
    [
        ("Plaintext", "plaintext", True),
        ("PlaintextIpv6", "plaintext", True),
        ("Tls", "tls", True),
        ("TlsIpv6", "tls", True),
        ("PublicTls", "tls", True),
        ("SaslScram", "sasl_scram", False),
        ("SaslIam", "sasl_iam", False),
        ("VpcConnectivitySaslIam", "sasl_iam", False),
    ],
)
def test_address_tells_protocol_and_with_the_settings_whom_it_serves(
    name: str,
    protocol: str,
    anonymous: bool,  # noqa: FBT001  a column of the table
) -> None:
    (facts,) = listeners_of({**IAM, **bootstrap(name)}).values()
    assert said(facts["declared.protocol"]) == protocol
    assert said(facts["declared.anonymous"]) is anonymous
    assert said(facts["declared.plaintext"]) is (protocol == "plaintext")
    assert facts["address"].value == ONE[name]


@pytest.mark.parametrize(
    ("mtls", "unauthenticated", "anonymous"),
    [
        (True, False, False),
        (True, True, True),
        (False, False, True),
        (False, True, True),
        (True, None, "?"),
        (False, None, True),
    ],
    ids=["T,F", "T,T", "F,F", "F,T", "T,?", "F,?"],
)
def test_tls_listener_serves_anyone_unless_it_wants_certificates_and_nothing_else(
    mtls: bool,  # noqa: FBT001  a column of the table
    unauthenticated: object,
    anonymous: object,
) -> None:
    known = {**OFF, "declared.mtls": mtls, "declared.unauthenticated": unauthenticated, **bootstrap("Tls")}
    assert said(listeners_of(known)["b:9094"]["declared.anonymous"]) is anonymous


def test_absent_authentication_is_anonymous_access() -> None:
    listeners = listeners_of(BARE)
    assert set(listeners) == {"*:9094"}
    assert said(listeners["*:9094"]["anonymous"]) is True


@pytest.mark.parametrize(
    ("method", "client_broker", "expected"),
    [
        ("iam", "TLS", {"*:9094": "?", "*:9098": False}),
        ("scram", "TLS", {"*:9094": "?", "*:9096": False}),
        ("mtls", "TLS", {"*:9094": "?"}),
        ("iam", "TLS_PLAINTEXT", {"*:9092": True, "*:9094": "?", "*:9098": False}),
        ("mtls", "TLS_PLAINTEXT", {"*:9092": True, "*:9094": "?"}),
    ],
)
def test_absent_unauthenticated_is_not_off(method: str, client_broker: str, expected: dict[str, object]) -> None:
    known = {
        **OFF,
        f"declared.{method}": True,
        "declared.unauthenticated": None,
        "declared.client_broker": client_broker,
    }
    assert {at: said(facts["declared.anonymous"]) for at, facts in listeners_of(known).items()} == expected


@pytest.mark.parametrize(("observed", "result"), [(True, True), (False, False), (None, "?")])
def test_observed_settles_what_aws_leaves_open(observed: object, result: object) -> None:
    known = {**MTLS, "declared.unauthenticated": None, **bootstrap("Tls")}
    facts = listeners_of(known, probed={"b:9094": {**TLS_SEEN, "observed.serves_anonymous": observed}})["b:9094"]
    assert said(facts["anonymous"]) is result


LEFT_OPEN = {Reason.UNRESOLVED, Reason.NOT_REQUESTED}


@pytest.mark.parametrize("reason", sorted(LEFT_OPEN))
@pytest.mark.parametrize("clear", [True, False])
def test_the_wire_alone_decides_where_nobody_asked_aws_or_it_left_it_open(reason: Reason, *, clear: bool) -> None:
    seen = {**TLS_SEEN, "observed.transport": "clear" if clear else "tls", "observed.serves_anonymous": clear}
    facts = listeners_of({}, {"declared.bootstrap": reason}, probed={"b:9094": seen})["b:9094"]
    assert said(facts["plaintext"]) is clear
    assert said(facts["anonymous"]) is clear


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in LEFT_OPEN])
def test_the_wire_alone_does_not_clear_a_listener_of_what_aws_was_not_heard_on(reason: Reason) -> None:
    facts = listeners_of({}, {"declared.bootstrap": reason}, probed={"b:9094": TLS_SEEN})["b:9094"]
    assert reasons(facts["plaintext"]) == {reason}
    assert reasons(facts["anonymous"]) == {reason}


@pytest.mark.parametrize(
    ("declared", "transport", "result"),
    [
        ("Tls", "tls", False),
        ("Tls", "clear", True),
        ("Tls", None, "?"),
        ("Plaintext", "tls", True),
        ("Plaintext", "clear", True),
        ("Plaintext", None, True),
    ],
    ids=["F,F", "F,T", "F,?", "T,F", "T,T", "T,?"],
)
def test_plaintext_is_known_to_either_side(declared: str, transport: object, result: object) -> None:
    seen = {**TLS_SEEN, "observed.transport": transport}
    facts = listeners_of(bootstrap(declared), probed={ONE[declared]: seen})[ONE[declared]]
    assert said(facts["plaintext"]) is result


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in LEFT_OPEN])
def test_observed_does_not_settle_what_was_kept_from_us(reason: Reason) -> None:
    known, gaps = {**MTLS, **bootstrap("Tls")}, {"declared.unauthenticated": reason}
    served = listeners_of(known, gaps, probed={"b:9094": {**TLS_SEEN, "observed.serves_anonymous": True}})["b:9094"]
    refused = listeners_of(known, gaps, probed={"b:9094": TLS_SEEN})["b:9094"]
    assert said(served["anonymous"]) is True
    assert reasons(refused["anonymous"]) == {reason}


@pytest.mark.parametrize(
    ("unauthenticated", "observed", "result"),
    [(False, False, False), (False, True, True), (True, False, True), (True, None, True), (False, None, "?")],
    ids=["F,F", "F,T", "T,F", "T,?", "F,?"],
)
def test_anonymous_is_known_to_either_side(unauthenticated: object, observed: object, result: object) -> None:
    known = {**MTLS, "declared.unauthenticated": unauthenticated, **bootstrap("Tls")}
    seen = {**TLS_SEEN, "observed.serves_anonymous": observed}
    assert said(listeners_of(known, probed={"b:9094": seen})["b:9094"]["anonymous"]) is result


@pytest.mark.parametrize("reason", list(Reason))
def test_unknown_population_has_one_stand_in_with_the_reason(reason: Reason) -> None:
    listeners = listeners_of({}, {**dict.fromkeys(BARE, reason), "declared.bootstrap": reason})
    assert set(listeners) == {"*"}
    for path in ("declared.exists", "declared.protocol", "declared.anonymous", "anonymous", "observed.transport"):
        assert reasons(listeners["*"][path]) == {reason}, path


def test_listener_that_may_exist_is_a_subject_that_stays_open() -> None:
    listeners = listeners_of(OFF | {"declared.client_broker": "TLS"}, {"declared.scram": Reason.DENIED})
    assert set(listeners) == {"*:9094", "*:9096"}
    assert reasons(listeners["*:9096"]["declared.exists"]) == {Reason.DENIED}
    assert said(listeners["*:9096"]["declared.anonymous"]) is False
    assert listeners["*:9096"]["declared.protocol"] == ("sasl_scram", ())


def test_empty_answer_about_addresses_says_no_more_than_none() -> None:
    listeners = listeners_of({**IAM, "declared.bootstrap": []})
    assert set(listeners) == set(listeners_of(IAM)) == {"*:9098"}
    (gap,) = listeners["*:9098"]["observed.transport"].support
    assert isinstance(gap, Gap)
    assert (gap.reason, "ask again when the cluster is ACTIVE" in gap.detail) == (Reason.UNRESOLVED, True)


def test_unknown_kind_of_listener_is_neither_good_nor_bad() -> None:
    facts = listeners_of({**IAM, "declared.bootstrap": [{"listener": "SaslNew", "address": "b:9999"}]})["b:9999"]
    assert said(facts["declared.exists"]) is True
    for path in ("declared.protocol", "declared.plaintext", "declared.anonymous"):
        assert reasons(facts[path]) == {Reason.UNSUPPORTED}


@pytest.mark.parametrize("order", [("Plaintext", "Tls"), ("Tls", "Plaintext"), ("Tls", "Plaintext", "Tls")])
def test_address_listed_as_several_kinds_stays_open_in_whatever_order(order: tuple[str, ...]) -> None:
    entries = [{"listener": name, "address": "b:9092"} for name in order]
    facts = listeners_of({**MTLS, "declared.bootstrap": entries})["b:9092"]
    assert reasons(facts["declared.plaintext"]) == {Reason.UNRESOLVED}
    assert said(facts["declared.exists"]) is True


def test_undeclared_listener_that_answers_is_a_subject() -> None:
    clear = {**TLS_SEEN, "observed.transport": "clear", "observed.serves_anonymous": True}
    facts = listeners_of({**IAM, **bootstrap("SaslIam")}, probed={"b:9092": clear})["b:9092"]
    assert said(facts["declared.exists"]) is False
    assert said(facts["declared.plaintext"]) is False
    assert said(facts["anonymous"]) is True


def test_probed_listener_stays_undecided_where_addresses_were_kept_from_us() -> None:
    listeners = listeners_of(IAM, {"declared.bootstrap": Reason.DENIED}, probed={"b:9094": TLS_SEEN})
    assert set(listeners) == {"*:9098", "b:9094"}
    assert reasons(listeners["b:9094"]["declared.exists"]) == {Reason.DENIED}
    assert said(listeners["b:9094"]["observed.protocol"]) == "tls"


def test_listener_nobody_probed_was_not_requested() -> None:
    facts = listeners_of({**IAM, **bootstrap("SaslIam")})["b:9098"]
    assert reasons(facts["observed.transport"]) == {Reason.NOT_REQUESTED}
    assert reasons(facts["observed.protocol"]) == {Reason.NOT_REQUESTED}


def test_address_that_looks_like_a_stand_in_is_an_address() -> None:
    facts = listeners_of({**IAM, "declared.bootstrap": [{"listener": "Tls", "address": "*:9094"}]})["*:9094"]
    assert reasons(facts["observed.transport"]) == {Reason.NOT_REQUESTED}


@pytest.mark.parametrize(
    ("transport", "mechanisms", "certificate", "protocol"),
    [
        ("clear", [], "off", "plaintext"),
        ("clear", ["PLAIN"], "off", "sasl_plaintext"),
        ("tls", [], "off", "tls"),
        ("tls", [], "requested", "tls"),
        ("tls", None, "required", "tls"),
        ("tls", ["SCRAM-SHA-512"], "off", "sasl_scram"),
        ("tls", ["PLAIN", "SCRAM-SHA-256"], "off", "sasl_scram"),
        ("tls", ["AWS_MSK_IAM", "OAUTHBEARER"], "off", "sasl_iam"),
        ("tls", ["GSSAPI"], "off", "sasl_other"),
        ("tls", None, "off", "?"),
        (None, [], "off", "?"),
        ("tls", [], None, "?"),
    ],
)
def test_what_answers_is_named_in_the_words_of_the_control_plane(
    transport: object, mechanisms: object, certificate: object, protocol: str
) -> None:
    seen = {
        "observed.transport": transport,
        "observed.sasl_mechanisms": mechanisms,
        "observed.client_certificate": certificate,
    }
    assert said(listeners_of({}, probed={"b:1": seen})["b:1"]["observed.protocol"]) == protocol


def test_serverless_has_one_listener_that_serves_nobody_without_credentials() -> None:
    listeners = listeners_of(SERVERLESS)
    assert set(listeners) == {"*:9098"}
    assert said(listeners["*:9098"]["declared.anonymous"]) is False
    assert said(facts_of(SERVERLESS)["acls_apply"]) is False


def test_express_has_the_listeners_of_its_settings() -> None:
    express = {**IAM, "declared.instance_type": "express.m7g.large", "declared.unauthenticated": False}
    assert set(listeners_of(express)) == {"*:9098"}


@pytest.mark.parametrize(
    ("known", "applies"),
    [
        pytest.param(IAM, False, id="IAM alone"),
        pytest.param({**IAM, "declared.scram": True}, True, id="IAM and SCRAM"),
        pytest.param(MTLS, True, id="certificates"),
        pytest.param(BARE, True, id="nobody authenticates"),
        pytest.param({**IAM, "declared.unauthenticated": None}, "?", id="perhaps anonymous"),
        pytest.param({**IAM, **bootstrap("SaslIam", "VpcConnectivitySaslIam")}, False, id="IAM addresses"),
        pytest.param({**IAM, **bootstrap("SaslIam", "Tls")}, True, id="a TLS address"),
        pytest.param({**IAM, "declared.bootstrap": []}, False, id="no address"),
        pytest.param(
            {**IAM, "declared.bootstrap": [{"listener": "SaslNew", "address": "b:1"}]}, "?", id="an unknown kind"
        ),
    ],
)
def test_acls_apply_where_somebody_else_than_iam_comes_in(known: dict[str, Any], applies: object) -> None:
    assert said(facts_of(known)["acls_apply"]) is applies


def test_every_address_the_service_model_can_name_is_a_known_kind() -> None:
    service = botocore.session.get_session().get_service_model("kafka")
    answer = service.operation_model("GetBootstrapBrokers").output_shape
    assert answer is not None
    names = {member.removeprefix("BootstrapBrokerString") for member in answer.members}
    assert {{"": "Plaintext", "Ipv6": "PlaintextIpv6"}.get(name, name) for name in names} == set(KINDS)


@settings(max_examples=50)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"listener": st.sampled_from([*KINDS, "New"]), "address": st.sampled_from(["a:1", "a:2", "[::1]:3"])}
        ),
        min_size=1,
        max_size=4,
    ).flatmap(lambda entries: st.tuples(st.just(entries), st.permutations(entries)))
)
def test_order_of_the_answer_changes_no_listener(both: tuple[list[dict[str, str]], list[dict[str, str]]]) -> None:
    paths = ("declared.exists", "declared.protocol", "declared.plaintext", "declared.anonymous")
    one, other = (
        {
            address: {path: said(facts[path]) for path in paths}
            for address, facts in listeners_of({**MTLS, "declared.bootstrap": entries}).items()
        }
        for entries in both
    )
    assert one == other
    assert set(one) == {entry["address"] for entry in both[0]}


@pytest.mark.parametrize(
    ("other", "reason", "protocol"),
    [
        ("b:9098", Reason.REFUSED, "nothing"),
        ("c:9098", Reason.REFUSED, "?"),
        ("b:9098", Reason.TIMED_OUT, "?"),
        ("b:9098", Reason.UNREACHABLE, "?"),
    ],
    ids=["its host answers elsewhere", "another host answers", "it is silent", "it is out of reach"],
)
def test_a_port_that_refuses_while_its_host_answers_has_nothing_behind_it(
    other: str, reason: Reason, protocol: str
) -> None:
    probed: dict[str, Any] = {"b:9094": reason, other: TLS_SEEN}
    facts = listeners_of({**MTLS, **bootstrap("Tls")}, probed=probed)["b:9094"]
    assert said(facts["observed.protocol"]) == protocol
    assert reasons(facts["observed.transport"]) == {reason}


def test_where_every_port_refuses_nothing_is_known_of_any() -> None:
    probed = {"b:9094": Reason.REFUSED, "b:9098": Reason.REFUSED}
    facts = listeners_of({**MTLS, **bootstrap("Tls", "SaslIam")}, probed=probed)
    assert {said(one["observed.protocol"]) for one in facts.values()} == {"?"}


@pytest.mark.parametrize(
    ("known", "ports"),
    [
        ({**IAM, "declared.client_broker": "TLS_PLAINTEXT"}, {"*:9092"}),
        ({**IAM, "declared.unauthenticated": True}, {"*:9094"}),
        ({**IAM, "declared.unauthenticated": True, "declared.client_broker": "TLS_PLAINTEXT"}, {"*:9092", "*:9094"}),
        (IAM, set()),
        ({**IAM, "declared.unauthenticated": None}, set()),
        (MTLS, set()),
    ],
    ids=["clear text", "unauthenticated", "both", "neither", "not said", "certificates"],
)
def test_where_aws_contradicts_itself_what_is_open_to_anybody_counts(known: dict[str, Any], ports: set[str]) -> None:
    found = listeners_of({**known, **bootstrap("SaslIam")})
    assert set(found) == {"b:9098", *ports}
    for port in ports:
        assert said(found[port]["declared.anonymous"]) is True
        assert reasons(found[port]["observed.transport"]) == {Reason.UNRESOLVED}
    assert said(facts_of({**known, **bootstrap("SaslIam")})["acls_apply"]) is bool(ports)


def test_an_address_of_the_same_protocol_is_no_contradiction() -> None:
    known = {**IAM, "declared.unauthenticated": True}
    assert set(listeners_of({**known, **bootstrap("TlsIpv6", "SaslIam")})) == {ONE["TlsIpv6"], "b:9098"}
