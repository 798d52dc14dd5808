"""The one place that calls boto3: read-only, in threads, and every failure explained."""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mskaudit import __version__
from mskaudit.errors import CannotLook, UsageError
from mskaudit.gather.aws.refusals import Question, answered, failed, lacking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping

    import boto3

_READS: Final = re.compile(r"(List|Get|Describe)[A-Z][A-Za-z0-9]*")
_REGION: Final = re.compile(r"[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long AWS is waited for: attempts per call, and seconds per connection and per answer."""

    attempts: int = 3
    connect_seconds: float = 5.0
    answer_seconds: float = 15.0
    at_once: int = 8


class Account:
    """One AWS account seen from one region, through credentials that may only read.

    Belongs to one event loop at a time.
    """

    def __init__(self, session: boto3.Session, patience: Patience | None = None) -> None:
        region = session.region_name
        if region is None:
            raise UsageError("no AWS region is known; give one with --region or set AWS_REGION")
        if _REGION.fullmatch(region) is None:
            raise UsageError(f"{region!r} is not an AWS region; it looks like eu-west-1")
        self.region: Final[str] = region
        self._session = session
        self._patience = Patience() if patience is None else patience
        self._gate = asyncio.Semaphore(self._patience.at_once)
        self._clients: dict[tuple[str, str], Any] = {}
        # boto3 does not create clients of one session safely from several threads.
        self._creating = threading.Lock()
        self._told: dict[Hashable, Mapping[str, Any] | CannotLook] = {}
        self._asking: dict[Hashable, asyncio.Lock] = {}

    async def call(
        self, service: str, operation: str, *, region: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """The answer of one read operation as boto3 gives it, in the account's region unless told otherwise.

        Raises:
            CannotLook: AWS did not answer, with the reason; `CredentialsRefused` when it does not know the caller.
            ValueError: the operation is not a read.
        """
        if _READS.fullmatch(operation) is None:
            raise ValueError(f"{service}:{operation} is not a read; mskaudit never changes anything")
        question = Question(service, operation, self.region if region is None else region)
        async with self._gate:
            return await asyncio.to_thread(self._ask, question, parameters)

    async def once(self, key: Hashable, look: Callable[[], Awaitable[Mapping[str, Any]]]) -> Mapping[str, Any]:
        """What `look` gave the first time it was asked under this key, whether values or a `CannotLook`.

        Only what was made of an answer is kept, never the answer.
        """
        if key not in self._asking:
            self._asking[key] = asyncio.Lock()
        async with self._asking[key]:
            if key not in self._told:
                self._told[key] = await _attempt(look)
        told = self._told[key]
        if isinstance(told, CannotLook):
            raise CannotLook(told.reason, told.detail)
        return told

    def _ask(self, question: Question, parameters: dict[str, Any]) -> dict[str, Any]:
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            client = self._client(question.service, question.region)
        except BotoCoreError as error:
            raise failed(error, question) from None
        method = getattr(client, xform_name(question.operation))
        try:
            answer: dict[str, Any] = method(**parameters)
        except ClientError as error:
            raise answered(error, question) from None
        except (BotoCoreError, ResponseParserError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise failed(error, question) from None
        return answer

    def _client(self, service: str, region: str) -> Any:
        from botocore.config import Config

        patience = self._patience
        with self._creating:
            if (service, region) not in self._clients:
                config = Config(
                    connect_timeout=patience.connect_seconds,
                    read_timeout=patience.answer_seconds,
                    max_pool_connections=patience.at_once,
                    # A single attempt has no use for adapting, which would delay the calls after a refusal.
                    retries={
                        "mode": "adaptive" if patience.attempts > 1 else "standard",
                        "total_max_attempts": patience.attempts,
                    },
                    user_agent_extra=f"mskaudit/{__version__}",
                )
                client: Any = self._session.client(service, region_name=region, config=config)  # type: ignore[call-overload]  # the stubs want literal names
                self._clients[service, region] = client
            return self._clients[service, region]


async def _attempt(look: Callable[[], Awaitable[Mapping[str, Any]]]) -> Mapping[str, Any] | CannotLook:
    try:
        return await look()
    except CannotLook as error:
        return error


def open_session(*, region: str | None = None, profile: str | None = None, patience: Patience | None = None) -> Account:
    """An account through the credentials and the region that the environment, the profile or the caller give.

    Looks the credentials up, which may ask the identity provider or the instance's metadata; blocks meanwhile.

    Raises:
        UsageError: no or unusable credentials, region or profile; the text names the remedy.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError, ConfigParseError, NoCredentialsError, ProfileNotFound

    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        account = Account(session, patience)
        credentials = session.get_credentials()
        if credentials is None:
            raise UsageError(lacking(NoCredentialsError()))
        credentials.get_frozen_credentials()
    except ProfileNotFound:
        raise UsageError("the AWS profile does not exist; `aws configure list-profiles` lists those that do") from None
    except ConfigParseError:
        raise UsageError("the AWS configuration cannot be read; correct ~/.aws/config and ~/.aws/credentials") from None
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"{lacking(error)} ({type(error).__name__})") from None
    return account
