"""Which ports a sandbox gets, and what is said about one that is taken."""

from __future__ import annotations

import os
import pickle
import re
import socket

import pytest

from pyml.errors import SetupError
from pyml_sandbox.workspace.ports import (
    HOST,
    Owner,
    PortChoices,
    Ports,
    PortTakenError,
    TakenPort,
    check_distinct,
    check_free,
    choose_ports,
    is_free,
    owner_of,
)

USUAL = Ports()
CASES = {
    "first sandbox: the usual ones": (None, PortChoices(), set(), USUAL),
    "second sandbox: the next block": (None, PortChoices(), {8470, 8471, 9083, 15002}, USUAL.moved(1)),
    "third sandbox: the block after that": (None, PortChoices(), {8470, 8480}, USUAL.moved(2)),
    "one port in common is one too many": (None, PortChoices(), {15002}, USUAL.moved(1)),
    "recorded ones stay": (USUAL.moved(3), PortChoices(), {8470}, USUAL.moved(3)),
    "a chosen one goes before a recorded one": (USUAL, PortChoices(spark=7077), set(), Ports(spark=7077)),
    "a chosen one in a free block": (None, PortChoices(gateway=9000), {8470}, Ports(gateway=9000)),
    "a chosen one that another sandbox has: the block does not matter": (
        None,
        PortChoices(gateway=9000),
        {9000},
        Ports(gateway=9000),
    ),
    "all chosen: no block matters": (None, PortChoices(1, 2, 3, 4), {1, 2}, Ports(1, 2, 3, 4)),
}


@pytest.mark.parametrize(("recorded", "choices", "elsewhere", "expected"), CASES.values(), ids=CASES)
def test_choice(recorded: Ports | None, choices: PortChoices, elsewhere: set[int], expected: Ports) -> None:
    assert choose_ports(recorded, choices, elsewhere) == expected


def test_one_port_for_two_services_is_refused() -> None:
    with pytest.raises(SetupError, match="9083 is chosen for two services: metastore and spark"):
        check_distinct(Ports(spark=9083))


def test_a_taken_port_names_service_port_and_owner_and_offers_another() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            check_free(Ports(metastore=port), {"gateway", "rest", "spark"}, is_free)
    error = caught.value
    [taken] = error.taken
    assert (taken.service, taken.port, taken.owner.pid) == ("metastore", port, os.getpid())
    assert f"Port {port}, which the sandbox needs for metastore, is taken by pid {os.getpid()}: " in error.message
    assert "pyml dev up --metastore-port " in error.hint
    assert error.exit_code == 3


def test_all_taken_ports_are_named_at_once_with_one_command() -> None:
    with pytest.raises(PortTakenError) as caught:
        check_free(Ports(), {"spark"}, lambda port: False, " --sandbox mine")
    assert [each.service for each in caught.value.taken] == ["gateway", "rest", "metastore"]
    assert all(f"Port {port}," in caught.value.message for port in (8470, 8471, 9083))
    assert re.match(
        r"pyml dev up --sandbox mine --gateway-port \d+ --rest-port \d+ --metastore-port \d+ ", caught.value.hint
    )


def test_a_port_held_by_our_own_running_service_is_fine() -> None:
    check_free(USUAL, {"gateway", "rest", "metastore", "spark"}, lambda port: False)


def test_a_free_port_has_no_owner() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert owner_of(port).pid == os.getpid()
    assert is_free(port)
    assert owner_of(port) == Owner(None, "")


def test_the_error_survives_another_process() -> None:
    error = PortTakenError([TakenPort("gateway", 8470, Owner(1, "x"))])
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.taken) == (error.message, error.taken)
