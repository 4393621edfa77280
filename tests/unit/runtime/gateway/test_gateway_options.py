"""The command line of the gateway: where it takes its routes from."""

from __future__ import annotations

import pytest

from pyml.gateway.gateway_options import GatewayOptions
from pyml.gateway.replica import Replica
from pyml.oip.rpc_status import RpcFailureError

GRPC = ("--grpc", "127.0.0.1:8470")


def test_one_route_takes_the_place_of_a_routes_file() -> None:
    options = GatewayOptions.parse([*GRPC, "--route", "fare@3f2a9c1b77d0=/run/pyml/model"])
    assert options.routes is None
    assert options.route is not None
    routes = options.route.current()
    for version in ("", "3f2a9c1b77d0"):
        assert routes.find("fare", version).replicas == (Replica("/run/pyml/model", "fare@3f2a9c1b77d0"),)
    assert routes is options.route.current()
    with pytest.raises(RpcFailureError, match="version '000000000000' of model fare is not deployed"):
        routes.find("fare", "000000000000")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--routes", "routes.json", "--route", "fare@3f2a=/run/pyml/model"),
        ("--route", "fare=/run/pyml/model"),
        ("--route", "fare@3f2a=run/pyml/model"),
        ("--route", "fare@3f2a"),
        ("--route", "fa/re@3f2a=/run/pyml/model"),
    ],
)
def test_anything_but_one_source_of_routes_is_refused(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        GatewayOptions.parse([*GRPC, *arguments])
    assert ended.value.code == 2
    assert "--route" in capsys.readouterr().err
