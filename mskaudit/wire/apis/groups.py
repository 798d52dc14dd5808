"""Consumer groups of the classic protocol, their coordinators and their end; times are in milliseconds."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import OPERATIONS_UNKNOWN, Api, ApiKey, Request, Response
from mskaudit.wire.schema import Bool, Bytes, Int8, Int16, Int32, String, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class FindCoordinatorRequest(Request):
    """Ask which broker looks after a group (key type 0), a transactional id (1) or a share partition (2)."""

    api_key: ClassVar[int] = ApiKey.FIND_COORDINATOR
    versions: ClassVar[range] = range(7)
    flexible_since: ClassVar[int] = 3
    key: Annotated[String, Wire(until=3)] = ""
    key_type: Annotated[Int8, Wire(since=1)] = 0
    coordinator_keys: Annotated[tuple[String, ...], Wire(since=4)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinator:
    """The broker that looks after one key."""

    key: String
    node_id: Int32
    host: String
    port: Int32
    error_code: Int16 = 0
    error_message: String | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindCoordinatorResponse(Response):
    """The broker that looks after the key, or after several from version 4 on (KIP-699)."""

    api_key: ClassVar[int] = ApiKey.FIND_COORDINATOR
    versions: ClassVar[range] = range(7)
    flexible_since: ClassVar[int] = 3
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    error_code: Annotated[Int16, Wire(until=3)] = 0
    error_message: Annotated[String | None, Wire(since=1, until=3, ignorable=True)] = None
    node_id: Annotated[Int32, Wire(until=3)] = 0
    host: Annotated[String, Wire(until=3)] = ""
    port: Annotated[Int32, Wire(until=3)] = 0
    coordinators: Annotated[tuple[Coordinator, ...], Wire(since=4)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinGroupRequestProtocol:
    """A way to share partitions out that the member knows, and what it says to the leader."""

    name: String
    metadata: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinGroupRequest(Request):
    """Join a group; from version 4 on a new member is first given an id and error 79 (KIP-394)."""

    api_key: ClassVar[int] = ApiKey.JOIN_GROUP
    versions: ClassVar[range] = range(10)
    flexible_since: ClassVar[int] = 6
    group_id: String
    session_timeout_ms: Int32
    rebalance_timeout_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = -1
    member_id: String
    group_instance_id: Annotated[String | None, Wire(since=5)] = None
    protocol_type: String
    protocols: tuple[JoinGroupRequestProtocol, ...]
    reason: Annotated[String | None, Wire(since=8, ignorable=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinGroupResponseMember:
    """A member as its leader sees it."""

    member_id: String
    group_instance_id: Annotated[String | None, Wire(since=5, ignorable=True)] = None
    metadata: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinGroupResponse(Response):
    """The generation that was formed; only its leader is told the members."""

    api_key: ClassVar[int] = ApiKey.JOIN_GROUP
    versions: ClassVar[range] = range(10)
    flexible_since: ClassVar[int] = 6
    throttle_time_ms: Annotated[Int32, Wire(since=2, ignorable=True)] = 0
    error_code: Int16 = 0
    generation_id: Int32 = -1
    protocol_type: Annotated[String | None, Wire(since=7, ignorable=True)] = None
    protocol_name: Annotated[String | None, Wire(nullable_since=7)]
    leader: String
    skip_assignment: Annotated[Bool, Wire(since=9)] = False
    member_id: String
    members: tuple[JoinGroupResponseMember, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatRequest(Request):
    """Say that a member is alive."""

    api_key: ClassVar[int] = ApiKey.HEARTBEAT
    versions: ClassVar[range] = range(5)
    flexible_since: ClassVar[int] = 4
    group_id: String
    generation_id: Int32
    member_id: String
    group_instance_id: Annotated[String | None, Wire(since=3)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatResponse(Response):
    """Whether the member still belongs to the group."""

    api_key: ClassVar[int] = ApiKey.HEARTBEAT
    versions: ClassVar[range] = range(5)
    flexible_since: ClassVar[int] = 4
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    error_code: Int16 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberIdentity:
    """A member that leaves."""

    member_id: String
    group_instance_id: String | None = None
    reason: Annotated[String | None, Wire(since=5, ignorable=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveGroupRequest(Request):
    """Leave a group, one member up to version 2, several from version 3 on (KIP-345)."""

    api_key: ClassVar[int] = ApiKey.LEAVE_GROUP
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 4
    group_id: String
    member_id: Annotated[String, Wire(until=2)] = ""
    members: Annotated[tuple[MemberIdentity, ...], Wire(since=3)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberResponse:
    """Whether one member left."""

    member_id: String
    group_instance_id: String | None
    error_code: Int16 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveGroupResponse(Response):
    """Who left the group."""

    api_key: ClassVar[int] = ApiKey.LEAVE_GROUP
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 4
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    error_code: Int16 = 0
    members: Annotated[tuple[MemberResponse, ...], Wire(since=3)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncGroupRequestAssignment:
    """One member's share, in the bytes of the group's protocol."""

    member_id: String
    assignment: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncGroupRequest(Request):
    """Ask for one's share; the leader brings those of all."""

    api_key: ClassVar[int] = ApiKey.SYNC_GROUP
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 4
    group_id: String
    generation_id: Int32
    member_id: String
    group_instance_id: Annotated[String | None, Wire(since=3)] = None
    protocol_type: Annotated[String | None, Wire(since=5, ignorable=True)] = None
    protocol_name: Annotated[String | None, Wire(since=5, ignorable=True)] = None
    assignments: tuple[SyncGroupRequestAssignment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncGroupResponse(Response):
    """The member's share, in the bytes of the group's protocol."""

    api_key: ClassVar[int] = ApiKey.SYNC_GROUP
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 4
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    error_code: Int16 = 0
    protocol_type: Annotated[String | None, Wire(since=5, ignorable=True)] = None
    protocol_name: Annotated[String | None, Wire(since=5, ignorable=True)] = None
    assignment: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeGroupsRequest(Request):
    """Ask about groups by name."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_GROUPS
    versions: ClassVar[range] = range(7)
    flexible_since: ClassVar[int] = 5
    groups: tuple[String, ...]
    include_authorized_operations: Annotated[Bool, Wire(since=3)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedGroupMember:
    """A member, the address it came from and its share."""

    member_id: String
    group_instance_id: Annotated[String | None, Wire(since=4, ignorable=True)] = None
    client_id: String
    client_host: String
    member_metadata: Bytes
    member_assignment: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedGroup:
    """A group's state and members, and where asked for what the principal may do with it."""

    error_code: Int16 = 0
    error_message: Annotated[String | None, Wire(since=6)] = None
    group_id: String
    group_state: String
    protocol_type: String
    protocol_data: String
    members: tuple[DescribedGroupMember, ...] = ()
    authorized_operations: Annotated[Int32, Wire(since=3)] = OPERATIONS_UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeGroupsResponse(Response):
    """The groups asked about."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_GROUPS
    versions: ClassVar[range] = range(7)
    flexible_since: ClassVar[int] = 5
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    groups: tuple[DescribedGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListGroupsRequest(Request):
    """Ask which groups the broker looks after; no states and no types means any."""

    api_key: ClassVar[int] = ApiKey.LIST_GROUPS
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 3
    states_filter: Annotated[tuple[String, ...], Wire(since=4)] = ()
    types_filter: Annotated[tuple[String, ...], Wire(since=5)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedGroup:
    """A group's name, protocol and state."""

    group_id: String
    protocol_type: String
    group_state: Annotated[String, Wire(since=4, ignorable=True)] = ""
    group_type: Annotated[String, Wire(since=5, ignorable=True)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListGroupsResponse(Response):
    """Groups that the broker looks after and the principal may see."""

    api_key: ClassVar[int] = ApiKey.LIST_GROUPS
    versions: ClassVar[range] = range(6)
    flexible_since: ClassVar[int] = 3
    throttle_time_ms: Annotated[Int32, Wire(since=1, ignorable=True)] = 0
    error_code: Int16 = 0
    groups: tuple[ListedGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteGroupsRequest(Request):
    """Remove groups without members."""

    api_key: ClassVar[int] = ApiKey.DELETE_GROUPS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    groups_names: tuple[String, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletableGroupResult:
    """Whether one group was removed."""

    group_id: String
    error_code: Int16 = 0
    error_message: Annotated[String | None, Wire(since=3, ignorable=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteGroupsResponse(Response):
    """Which groups were removed."""

    api_key: ClassVar[int] = ApiKey.DELETE_GROUPS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    results: tuple[DeletableGroupResult, ...] = ()


APIS: Final = (
    Api.of(FindCoordinatorRequest, FindCoordinatorResponse),
    Api.of(JoinGroupRequest, JoinGroupResponse),
    Api.of(HeartbeatRequest, HeartbeatResponse),
    Api.of(LeaveGroupRequest, LeaveGroupResponse),
    Api.of(SyncGroupRequest, SyncGroupResponse),
    Api.of(DescribeGroupsRequest, DescribeGroupsResponse),
    Api.of(ListGroupsRequest, ListGroupsResponse),
    Api.of(DeleteGroupsRequest, DeleteGroupsResponse),
)
