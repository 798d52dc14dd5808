"""The world that the table is read in: a listener of every kind, and people who may do this and not that."""

from __future__ import annotations

from typing import Any, Final

from mskaudit.reference.releases import Mode

ORDERS: Final = "orders"
"""What may be written, read and altered."""
ARCHIVE: Final = "archive"
"""What may be read, and holds `RECORDS`."""
PAYMENTS: Final = "payments"
"""What only super users may touch."""
RECORDS: Final = ("first", "second", "third")
DESK: Final = "desk-"
"""How the names of topics begin whose settings may be altered; every client has one."""
DESKS: Final = 4
TEAM: Final = "team-"
"""How the names of groups begin that may be joined."""
NEW: Final = "new-"
"""How the names of topics begin that may be created."""

ALICE, BOB, CAROL, ADMIN = "alice", "bob", "carol", "admin"
PASSWORDS: Final = {
    ALICE: "alice-in-the-looking-glass",
    BOB: 'bob "the builder" \\ of streams',
    CAROL: "carol-sings-of-streams",
    ADMIN: "admin-of-all-the-brokers",
}
WRITER, GUEST = "writer", "guest"
REGION: Final = "eu-central-1"
_ACCOUNT: Final = "111122223333"

RELEASES: Final = {"3.9": Mode.ZOOKEEPER, "4.4": Mode.KRAFT, "2.8": Mode.ZOOKEEPER}

_WORKERS: Final = {"alice": "User:alice", "client": "User:CN=client", "anybody": "User:ANONYMOUS"}


def _rights(principal: str) -> dict[str, Any]:
    """What somebody who works with orders may do."""
    orders = ["READ", "WRITE", "DESCRIBE_CONFIGS"]
    return {
        "orders": {"principal": principal, "operations": orders, "resource": "TOPIC", "name": ORDERS},
        "desk": {
            "principal": principal,
            "operations": ["ALTER_CONFIGS"],
            "resource": "TOPIC",
            "name": DESK,
            "pattern": "PREFIXED",
        },
        "archive": {"principal": principal, "operations": ["READ"], "resource": "TOPIC", "name": ARCHIVE},
        "team": {
            "principal": principal,
            "operations": ["READ"],
            "resource": "GROUP",
            "name": TEAM,
            "pattern": "PREFIXED",
        },
        "new": {
            "principal": principal,
            "operations": ["CREATE"],
            "resource": "TOPIC",
            "name": NEW,
            "pattern": "PREFIXED",
        },
    }


def _acls() -> dict[str, Any]:
    worked = {f"{name}-{what}": acl for name, principal in _WORKERS.items() for what, acl in _rights(principal).items()}
    return worked | {
        "carol-sees-orders": {
            "principal": "User:carol",
            "operations": ["DESCRIBE"],
            "resource": "TOPIC",
            "name": ORDERS,
        },
    }


def _allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": [f"kafka-cluster:{action}" for action in actions],
        "Resource": [f"arn:aws:kafka:{REGION}:*:{resource}" for resource in resources],
    }


def _policy(*statements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"Version": "2012-10-17", "Statement": list(statements)}]


AWS: Final = {
    WRITER: {
        "access_key": "AKIAI44QH8DHBEXAMPLE",
        "secret_key": "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        "session_token": "FwoGZXIvYXdzEXAMPLE//////////wEaDA==",
        "principal": f"arn:aws:sts::{_ACCOUNT}:assumed-role/orders/writer",
        "policies": _policy(
            _allow(["Connect", "DescribeCluster"], "cluster/*"),
            _allow(["DescribeTopic", "ReadData", "WriteData"], f"topic/*/{ORDERS}", f"topic/*/{ARCHIVE}"),
            _allow(["CreateTopic"], f"topic/*/{NEW}*"),
            _allow(["DescribeGroup", "AlterGroup"], f"group/*/{TEAM}*"),
        ),
    },
    GUEST: {
        "access_key": "AKIAIOSFODNN7EXAMPLE",
        "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "principal": f"arn:aws:iam::{_ACCOUNT}:user/guest",
        "policies": _policy(_allow(["Connect"], "cluster/*")),
    },
}

_PASSWORDS: Final = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
LISTENERS: Final = {
    "plaintext": {"protocol": "PLAINTEXT"},
    "tls": {"protocol": "SSL"},
    "requested": {"protocol": "SSL", "client_certificate": "requested"},
    "required": {"protocol": "SSL", "client_certificate": "required"},
    "sasl_clear": {"protocol": "SASL_PLAINTEXT", "mechanisms": _PASSWORDS},
    "sasl": {"protocol": "SASL_SSL", "mechanisms": _PASSWORDS},
    "scram": {"protocol": "SASL_SSL", "mechanisms": ["SCRAM-SHA-512"]},
    "both": {"protocol": "SASL_SSL", "mechanisms": ["SCRAM-SHA-512"], "client_certificate": "required"},
    "tokens": {"protocol": "SASL_SSL", "mechanisms": ["OAUTHBEARER"]},
    "unsigned": {"protocol": "SASL_PLAINTEXT", "mechanisms": ["OAUTHBEARER"], "oauth": {"accept_unsigned": True}},
    "iam": {"protocol": "SASL_SSL", "mechanisms": ["AWS_MSK_IAM", "OAUTHBEARER"], "iam": {"region": REGION}},
}


def turn(release: str) -> dict[str, Any]:
    """What makes the world of the table out of `self-managed`."""
    return {
        "doors": {},
        "brokers.cluster_id": "bXNrYXVkaXRfX190YWJsZQ",
        "brokers.release": release,
        "brokers.mode": RELEASES[release].value,
        "brokers.users": {
            ALICE: {"password": PASSWORDS[ALICE]},
            BOB: {"password": PASSWORDS[BOB], "mechanisms": ["SCRAM-SHA-256"]},
            CAROL: {"password": PASSWORDS[CAROL], "mechanisms": ["SCRAM-SHA-512"], "iterations": 8192},
            ADMIN: {"password": PASSWORDS[ADMIN]},
        },
        "brokers.certificates": {"client": "CN=client", "other": "CN=other,O=Example"},
        "brokers.aws_credentials": AWS,
        "brokers.topics": {ORDERS: 3, ARCHIVE: 2, PAYMENTS: 1, **{f"{DESK}{number}": 1 for number in range(DESKS)}},
        "brokers.authorizer": {"allow_everyone": False, "super_users": ["User:CN=broker", f"User:{ADMIN}"]},
        "brokers.acls": _acls(),
        "brokers.listeners": LISTENERS,
        # Three seconds each time somebody joins a group are what Kafka takes by default.
        "brokers.settings": {"group.initial.rebalance.delay.ms": "0"},
    }
