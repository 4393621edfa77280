"""What the running servers of each version have answered: their counts and durations, added up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pyml.gateway.balancer import LoadBalancer
from pyml.gateway.channel import Forwarded
from pyml.gateway.routes_file import Route
from pyml.oip.messages import (
    MODEL_STATISTICS,
    InferStatistics,
    ModelReadyRequest,
    ModelStatistics,
    ModelStatisticsRequest,
    ModelStatisticsResponse,
    StatisticDuration,
)

TIMEOUT_S = 2.0
DURATIONS = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss")


async def statistics(balancer: LoadBalancer, request: ModelStatisticsRequest) -> ModelStatisticsResponse:
    """The statistics of deployed model versions since their servers started; servers are asked, and none is started.

    Args:
        balancer: the model servers.
        request: name and version; without a version all versions of the model, without a name all models.

    Raises:
        RpcFailureError: the model or version is not deployed.
    """
    if request.name:
        balancer.find(request.name, request.version)
    wanted = [
        route
        for route in balancer.routes()
        if request.name in ("", route.model) and request.version in ("", route.version)
    ]
    return ModelStatisticsResponse(model_stats=await asyncio.gather(*(_of(balancer, route) for route in wanted)))


async def _of(balancer: LoadBalancer, route: Route) -> ModelStatistics:
    asked = ModelReadyRequest(name=route.model, version=route.version).SerializeToString()
    replies = await balancer.ask_each(Forwarded(route, MODEL_STATISTICS, asked, TIMEOUT_S))
    return added(route, (found for reply in replies for found in ModelStatisticsResponse.FromString(reply).model_stats))


def added(route: Route, of_servers: Iterable[ModelStatistics]) -> ModelStatistics:
    """The statistics of all servers of a version as one.

    Args:
        route: the version.
        of_servers: what each running server says.
    """
    servers = list(of_servers)
    return ModelStatistics(
        name=route.model,
        version=route.version,
        last_inference=max((each.last_inference for each in servers), default=0),
        inference_count=sum(each.inference_count for each in servers),
        execution_count=sum(each.execution_count for each in servers),
        inference_stats=InferStatistics(
            **{what: _total(getattr(each.inference_stats, what) for each in servers) for what in DURATIONS}
        ),
    )


def _total(durations: Iterable[StatisticDuration]) -> StatisticDuration:
    found = list(durations)
    return StatisticDuration(count=sum(each.count for each in found), ns=sum(each.ns for each in found))
