"""The door for devices: `/ws/{app}/{env}`, from the handshake to a running stream."""

from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from electricsql.errors import ElectricError
from electricsql.protocol import Bye, encode_frame
from electricsql.service.auth import Auth, Principal, bearer
from electricsql.service.environments import DRAINING, Environment, Environments
from electricsql.service.metrics import STREAMS
from electricsql.service.socket import Socket
from electricsql.service.stream import DeviceStream, bye_for
from electricsql.service.transport import streams_max

_TRY_AGAIN_LATER = 1013


class DeviceStreams:
    """An ASGI application for one path. Every connection is accepted, so that a device that is
    turned away reads why."""

    def __init__(self, auth: Auth, environments: Environments) -> None:
        self._auth = auth
        self._environments = environments
        self._streams_max = streams_max()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = Socket(receive, send)
        try:
            await socket.accept()
            try:
                principal, environment = await self._admit(HTTPConnection(scope))
            except _TurnedAway as turned_away:
                await socket.send(encode_frame(turned_away.bye))
                await socket.close(_TRY_AGAIN_LATER)
                return
        except OSError:
            return  # it is gone already
        STREAMS.inc()
        try:
            await DeviceStream(socket, principal, environment).run()
        finally:
            STREAMS.dec()

    async def _admit(self, connection: HTTPConnection[Any]) -> tuple[Principal, Environment]:
        if self._environments.is_draining:
            raise _TurnedAway(DRAINING)
        if self._environments.connected >= self._streams_max:
            raise _TurnedAway(Bye("overloaded", "The service has as many devices as it takes."))
        app, env = connection.path_params["app"], connection.path_params["env"]
        secret = bearer(connection.headers.get("authorization"))
        try:
            principal = self._auth.authenticate(secret or connection.query_params.get("token"))
            principal.require_environment(app, env)
            return principal, await self._environments.open(app, env)
        except ElectricError as error:
            raise _TurnedAway(bye_for(error)) from None


class _TurnedAway(Exception):
    def __init__(self, bye: Bye) -> None:
        self.bye = bye
