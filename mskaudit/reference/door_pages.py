"""What stands behind the side doors that speak HTTP, in the shapes of the real products.

Source: answers of Kafka Connect 3.9.2, the AdminServer of ZooKeeper 3.8.4, the JMX exporter 1.0.1 and Jolokia 1.7.2 to
the same requests, and for the others their documentation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mskaudit.reference.http import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_JETTY: Final = {"server": "Jetty(9.4.57.v20241219)"}
_CLUSTER_ID: Final = "reference-cluster-0001"
_TOPICS: Final = ("orders", "payments")
_CONNECTOR: Final = "orders-archive"
_SECRET: Final = "correct-horse-battery-staple"  # noqa: S105  of a throw-away world
_REFERENCE: Final = "${secretsmanager:orders-archive:password}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A product: its pages by path, what it says to other paths and to other methods, and the realm of its password."""

    realm: str
    pages: Mapping[str, Reply]
    missing: Callable[[str], Reply]
    wrong_method: Reply


def _text(content: str, kind: str, status: int = 200) -> Reply:
    return Reply(status=status, headers={"content-type": kind}, body=content.encode())


def _jetty(content: Any, kind: str = "application/json", status: int = 200) -> Reply:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Reply(status=status, headers={"content-type": kind, **_JETTY}, body=body)


def _jersey(status: int, message: str, kind: str = "application/json") -> Reply:
    return _jetty({"error_code": status, "message": message}, kind, status)


def connect(release: str, *, password: str) -> Site:
    """Kafka Connect with one connector, whose configuration holds `password`."""
    config = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "orders-db.internal.example",
        "database.user": "replicator",
        "database.password": password,
        "topic.prefix": "orders",
        "name": _CONNECTOR,
    }
    task = {"connector": _CONNECTOR, "task": 0}
    worker = "10.0.1.15:8083"
    state = {"state": "RUNNING", "worker_id": worker}
    status = {"name": _CONNECTOR, "connector": state, "tasks": [{"id": 0, **state}], "type": "source"}
    plugins = {
        config["connector.class"]: "2.7.1.Final",
        "org.apache.kafka.connect.mirror.MirrorSourceConnector": release,
    }
    path = f"/connectors/{_CONNECTOR}"
    pages = {
        "/": {"version": release, "commit": "5e9866f43ab8e7e4", "kafka_cluster_id": _CLUSTER_ID},
        "/connectors": [_CONNECTOR],
        "/connector-plugins": [{"class": name, "type": "source", "version": of} for name, of in plugins.items()],
        path: {"name": _CONNECTOR, "config": config, "tasks": [task], "type": "source"},
        f"{path}/config": config,
        f"{path}/status": status,
        f"{path}/tasks": [{"id": task, "config": {"task.class": "PostgresConnectorTask", **config}}],
    }
    return Site(
        realm="connect",
        pages={name: _jetty(page) for name, page in pages.items()},
        missing=_no_connector,
        wrong_method=_jersey(405, "HTTP 405 Method Not Allowed"),
    )


def literal_or_reference(*, secrets: bool) -> str:
    """A password as it stands in a configuration: in clear, or as a reference to where it is kept."""
    return _SECRET if secrets else _REFERENCE


def _no_connector(path: str) -> Reply:
    match path.split("/"):
        case ["", "connectors", name, *_] if name != _CONNECTOR:
            return _jersey(404, f"Connector {name} not found")
        case _:
            return _jersey(404, "HTTP 404 Not Found")


def schema_registry(release: str) -> Site:
    """Schema Registry with a subject for each topic."""
    kind = "application/vnd.schemaregistry.v1+json"
    schema = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "card_number", "type": "string"}]})
    pages: dict[str, Any] = {
        "/": {},
        "/subjects": [f"{topic}-value" for topic in _TOPICS],
        "/config": {"compatibilityLevel": "BACKWARD"},
        "/mode": {"mode": "READWRITE"},
        "/v1/metadata/version": {"version": release, "commitId": "0d7e2b1c94d6a85b"},
        "/schemas/types": ["JSON", "PROTOBUF", "AVRO"],
    }
    for number, topic in enumerate(_TOPICS, start=1):
        subject = f"{topic}-value"
        pages[f"/subjects/{subject}/versions"] = [1]
        pages[f"/subjects/{subject}/versions/latest"] = {
            "subject": subject,
            "version": 1,
            "id": number,
            "schema": schema,
        }
    return Site(
        realm="schema-registry",
        pages={name: _jetty(page, kind) for name, page in pages.items()},
        missing=lambda _: _jersey(404, "HTTP 404 Not Found", kind),
        wrong_method=_jersey(405, "HTTP 405 Method Not Allowed", kind),
    )


def rest_proxy() -> Site:
    """REST proxy, with the lists that it gives without a schema."""
    base = f"http://rest-proxy.example:8082/v3/clusters/{_CLUSTER_ID}"
    parts = ("acls", "brokers", "broker_configs", "consumer_groups", "topics", "partition_reassignments")
    cluster = {
        "kind": "KafkaCluster",
        "metadata": {"self": base, "resource_name": f"crn:///kafka={_CLUSTER_ID}"},
        "cluster_id": _CLUSTER_ID,
        "controller": {"related": f"{base}/brokers/0"},
        **{part: {"related": f"{base}/{part.replace('_', '-')}"} for part in parts},
    }
    listed = {"self": base.rpartition("/")[0], "next": None}
    pages: dict[str, Any] = {
        "/": {},
        "/topics": list(_TOPICS),
        "/brokers": {"brokers": [0, 1, 2]},
        "/v3/clusters": {"kind": "KafkaClusterList", "metadata": listed, "data": [cluster]},
        f"/v3/clusters/{_CLUSTER_ID}": cluster,
    }
    return Site(
        realm="kafka-rest",
        pages={name: _jetty(page) for name, page in pages.items()},
        missing=lambda _: _jersey(404, "HTTP 404 Not Found"),
        wrong_method=_jersey(405, "HTTP 405 Method Not Allowed"),
    )


def admin_server(release: str) -> Site:
    """ZooKeeper's AdminServer with the commands that tell most."""
    answers: dict[str, dict[str, Any]] = {
        "configuration": {
            "client_port": 2181,
            "data_dir": "/var/lib/zookeeper/version-2",
            "data_log_dir": "/var/lib/zookeeper/version-2",
            "tick_time": 3000,
            "max_client_cnxns": 60,
            "min_session_timeout": 6000,
            "max_session_timeout": 60000,
            "server_id": 1,
            "client_port_listen_backlog": -1,
        },
        "environment": {
            "zookeeper.version": f"{release}-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC",
            "host.name": "zookeeper-1.internal.example",
            "java.version": "17.0.15",
            "os.name": "Linux",
            "user.name": "zookeeper",
        },
        "is_read_only": {"read_only": False},
        "ruok": {},
    }
    links = "".join(f'<a href="/commands/{name}">{name}</a>\n<br/>\n' for name in answers)
    index = Reply(headers=_JETTY, body=links.encode())
    commands = {f"/commands/{name}": _command(name, told, None) for name, told in answers.items()}
    return Site(
        realm="zookeeper",
        pages={"/commands": index, "/commands/": index, **commands},
        missing=_no_command,
        wrong_method=_jetty_page(405, "HTTP method is not supported by this URL"),
    )


def _command(name: str, told: Mapping[str, Any], error: str | None) -> Reply:
    content = json.dumps({**told, "command": name, "error": error}, indent=2, separators=(",", " : "))
    return Reply(headers={"content-type": "application/json", **_JETTY}, body=content.encode())


def _no_command(path: str) -> Reply:
    prefix, _, name = path.rpartition("/")
    if prefix == "/commands":
        return _command(name, {}, f"Unknown command: {name}")
    return _jetty_page(404, "Not Found")


def _jetty_page(status: int, message: str) -> Reply:
    title = f"<head><title>Error {status} {message}</title></head>"
    page = f"<html>\n{title}\n<body><h2>HTTP ERROR {status} {message}</h2></body>\n</html>\n"
    return Reply(status=status, headers={"content-type": "text/html;charset=iso-8859-1", **_JETTY}, body=page.encode())


def jolokia(release: str) -> Site:
    """The Jolokia agent of a JVM."""
    config = {
        "agentType": "jvm",
        "authMode": "basic",
        "discoveryEnabled": "true",
        "policyLocation": "classpath:/jolokia-access.xml",
    }
    version = {
        "request": {"type": "version"},
        "value": {"agent": release, "protocol": "7.2", "config": config, "info": {}},
        "timestamp": 1764000000,
        "status": 200,
    }
    answer = _text(json.dumps(version, separators=(",", ":")), "text/plain; charset=utf-8")
    unknown = {"error_type": "java.lang.IllegalArgumentException", "error": "No such type", "status": 400}
    refused = _text(json.dumps(unknown, separators=(",", ":")), "text/plain; charset=utf-8")
    nothing = _text("<h1>404 Not Found</h1>No context found for request", "text/html", 404)
    return Site(
        realm="jolokia",
        pages={"/jolokia/": answer, "/jolokia/version": answer},
        missing=lambda path: refused if path.startswith("/jolokia/") else nothing,
        wrong_method=refused,
    )


_EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"


def _metrics(samples: Mapping[str, float]) -> Reply:
    """Samples in the text format of Prometheus, each family with its type."""
    lines: list[str] = []
    for sample, value in samples.items():
        kind = f"# TYPE {sample.partition('{')[0]} untyped"
        lines += [f"{sample} {value}"] if kind in lines else [kind, f"{sample} {value}"]
    return _text("\n".join([*lines, ""]), _EXPOSITION)


def jmx_exporter(release: str) -> Site:
    """The JMX exporter of a broker, which names topics and clients."""
    received = "kafka_server_BrokerTopicMetrics_Count"
    samples = {
        f'jmx_exporter_build_info{{name="jmx_prometheus_javaagent",version="{release}"}}': 1,
        'jvm_info{runtime="OpenJDK Runtime Environment",vendor="Amazon.com Inc.",version="17.0.15+6-LTS"}': 1,
        'kafka_server_app_info_StartTimeMs{id="0"}': 1.764e12,
        f'{received}{{name="BytesInPerSec"}}': 48211.0,
        **{f'{received}{{name="BytesInPerSec",topic="{topic}"}}': 24105.0 for topic in _TOPICS},
        'kafka_server_Fetch_byte_rate{client_id="billing-service",user="billing"}': 512.0,
        'kafka_server_socket_server_metrics_connection_count{listener="CLIENT_SECURE",networkProcessor="1"}': 7.0,
    }
    home = _text('<html>\n<a href="/metrics">/metrics</a>\n</html>\n', "text/html; charset=utf-8")
    return Site(realm="/", pages={"/metrics": _metrics(samples)}, missing=lambda _: home, wrong_method=home)


def node_exporter(release: str) -> Site:
    """The node exporter of a broker's machine, which names kernel, host and disks."""
    host = 'machine="x86_64",nodename="ip-10-0-1-15",release="5.10.227-219.884.amzn2.x86_64",sysname="Linux"'
    samples = {
        f'node_exporter_build_info{{branch="HEAD",goversion="go1.22.5",version="{release}"}}': 1,
        f"node_uname_info{{{host}}}": 1,
        "node_boot_time_seconds": 1.764e09,
        'node_filesystem_avail_bytes{device="/dev/nvme1n1",fstype="ext4",mountpoint="/kafka/datalogs"}': 9.1e11,
        'node_network_receive_bytes_total{device="eth0"}': 3.4e10,
    }
    home = _text('<html><h1>Node Exporter</h1><a href="/metrics">Metrics</a></html>\n', "text/html; charset=UTF-8")
    nothing = _text("404 page not found\n", "text/plain; charset=utf-8", 404)
    pages = {"/": home, "/metrics": _metrics(samples)}
    return Site(realm="", pages=pages, missing=lambda _: nothing, wrong_method=_metrics(samples))
