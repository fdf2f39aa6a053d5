"""The ASGI application: the HTTP API, the device streams, and the pages for machines that look
after it.

/api/v1/…            the table in endpoints.py
/ws/{app}/{env}      device streams
/healthz             the process runs
/readyz              and reaches Postgres, and is not going down
/metrics             Prometheus
"""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from electricsql.errors import ElectricError
from electricsql.service.endpoints import ENDPOINTS
from electricsql.service.http import Service, json_response, problem_response, route
from electricsql.service.metrics import CONTENT_TYPE, exposition
from electricsql.service.streams import DeviceStreams


def application(service: Service) -> Starlette:
    """The application over an open cluster."""
    routes: list[BaseRoute] = [
        Route(each.path, route(service, each), methods=[each.method]) for each in ENDPOINTS
    ]
    routes += [
        WebSocketRoute("/ws/{app}/{env}", DeviceStreams(service.auth, service.environments)),
        Route("/healthz", _healthy),
        Route("/readyz", _readiness(service)),
        Route("/metrics", _metrics),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _not_routed})


async def _healthy(_: Request) -> Response:
    return json_response({"status": "ok"})


async def _metrics(_: Request) -> Response:
    return Response(exposition(), media_type=CONTENT_TYPE)


def _readiness(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def ready(_: Request) -> Response:
        if service.environments.is_draining:
            return json_response({"status": "draining"}, 503)
        try:
            await service.cluster.environments()
        except ElectricError as error:
            return problem_response(error)
        return json_response({"status": "ok"})

    return ready


async def _not_routed(_: Request, error: Exception) -> Response:
    return problem_response(error)
