"""What is deployed, as the protocol's extension *model repository* lists it."""

from __future__ import annotations

import asyncio

from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.channel import Forwarded
from pyml.gateway.routes_file import Route
from pyml.oip.messages import (
    MODEL_READY,
    ModelIndex,
    ModelReadyRequest,
    ModelReadyResponse,
    RepositoryIndexRequest,
    RepositoryIndexResponse,
)
from pyml.oip.rpc_status import NOT_RUN, RpcFailureError

READY, UNAVAILABLE = "READY", "UNAVAILABLE"
ON_REQUEST = "its servers are started when a request arrives"
TIMEOUT_S = 2.0


async def index(balancer: LoadBalancer, request: RepositoryIndexRequest) -> RepositoryIndexResponse:
    """Every deployed model version, and whether it can take requests; servers are asked, and none is started.

    Args:
        balancer: the model servers.
        request: whether only versions that can take requests are wanted.
    """
    entries = await asyncio.gather(*(_entry(balancer, route) for route in balancer.routes()))
    return RepositoryIndexResponse(models=[entry for entry in entries if entry.state == READY or not request.ready])


async def _entry(balancer: LoadBalancer, route: Route) -> ModelIndex:
    state, reason = await _state(balancer, route)
    return ModelIndex(name=route.model, version=route.version, state=state, reason=reason)


async def _state(balancer: LoadBalancer, route: Route) -> tuple[str, str]:
    asked = ModelReadyRequest(name=route.model, version=route.version).SerializeToString()
    try:
        reply = await balancer.ask(Forwarded(route, MODEL_READY, asked, TIMEOUT_S))
    except RpcFailureError as error:
        if route.on_request and error.failure.reason in NOT_RUN:
            return READY, ON_REQUEST
        return UNAVAILABLE, error.failure.message
    return (READY, "") if ModelReadyResponse.FromString(reply).ready else (UNAVAILABLE, "the model is loading")
