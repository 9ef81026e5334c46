"""Hosts of one training: named in a list, met over TCP, and lost."""

import json
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from addresses import free_addresses
from fer_contract.errors import FerError
from fer_trainer.distributed.channel import Channel, send
from fer_trainer.distributed.distribution import Distribution, fill_up, take_part
from fer_trainer.distributed.hosts import Hosts, find_hosts
from fer_trainer.distributed.rendezvous import meet

TWO = ("a:5000", "b:5000")


def config(task: dict[str, Any], **cluster: list[str]) -> dict[str, str]:
    """Return the environment of a cluster for TensorFlow."""
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_hosts_of_the_command_line() -> None:
    """The list counts, whatever the environment says; spaces do not."""
    hosts = find_hosts("a:5000, b:5000", 1, config({"type": "worker"}))
    assert hosts == Hosts(TWO, 1)
    assert not hosts.is_chief
    assert hosts.backend_addresses() == ("a:5001", "b:5001")


def test_no_hosts() -> None:
    """One machine, which is its own chief."""
    hosts = find_hosts(None, None, {})
    assert hosts == Hosts()
    assert hosts.count == 1
    assert hosts.is_chief


def test_hosts_of_a_cluster() -> None:
    """What schedulers set for TensorFlow, or for Keras, is understood."""
    task = {"type": "worker", "index": 1}
    assert find_hosts(None, None, config(task, worker=list(TWO))) == Hosts(TWO, 1)
    # The chief comes first, and the workers are counted after it.
    task = {"type": "worker", "index": 0}
    environment = config(task, worker=["b:5000"], chief=["a:5000"])
    assert find_hosts(None, None, environment) == Hosts(TWO, 1)
    environment = {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": "a:5000,b:5000",
        "KERAS_DISTRIBUTION_PROCESS_ID": "1",
    }
    assert find_hosts(None, None, environment) == Hosts(TWO, 1)


@pytest.mark.parametrize(
    ("addresses", "index", "environment", "told"),
    [
        ("a:5000,b", 0, {}, "--hosts: 'b'; host:port is wanted"),
        ("a:5000,b:0", 0, {}, "--hosts: 'b:0'; host:port is wanted, port 1 to 65534"),
        ("a:5000,b:65535", 0, {}, "'b:65535'"),
        ("a:5000,a:5000", 0, {}, "a:5000 is named twice"),
        ("a:5000,b:5000", 2, {}, "--host-index: 2; allowed is 0 to 1"),
        ("a:5000,b:5000", -1, {}, "--host-index: -1; allowed is 0 to 1"),
        ("a:5000,b:5000", None, {}, "--hosts: needs --host-index"),
        (None, 0, {}, "--host-index: needs --hosts"),
        (None, None, {"TF_CONFIG": "{"}, "TF_CONFIG: '{'; wanted"),
        (None, None, {"TF_CONFIG": "[]"}, "TF_CONFIG"),
        (
            None, None, config({"type": "ps", "index": 0}, ps=["a:1"]),
            "TF_CONFIG: 'ps'; allowed are chief and worker",
        ),
        (
            None, None, {"KERAS_DISTRIBUTION_JOB_ADDRESSES": "a:1"},
            "KERAS_DISTRIBUTION_PROCESS_ID: ''; a whole number is wanted",
        ),
    ],
)  # fmt: skip
def test_hosts_that_are_none(
    addresses: str | None, index: int | None, environment: dict[str, str], told: str
) -> None:
    """One line that names the option or variable, the value and what is allowed."""
    with pytest.raises(FerError) as refused:
        find_hosts(addresses, index, environment)
    assert told in str(refused.value)


def meet_all(
    hosts: list[Hosts], facts: list[dict[str, Any]], seconds: float = 5
) -> list["Future[Channel]"]:
    """Let every host meet in a thread of its own; return what came of it."""
    with ThreadPoolExecutor(len(hosts)) as pool:
        return [
            pool.submit(meet, host, fact, seconds)
            for host, fact in zip(hosts, facts, strict=True)
        ]


def test_hosts_that_meet() -> None:
    """What the chief says is heard by all; they wait for each other, and part."""
    addresses = tuple(free_addresses(3))
    hosts = [Hosts(addresses, index) for index in (2, 0, 1)]
    channels = [met.result() for met in meet_all(hosts, [{"plan": {"seed": 1}}] * 3)]
    said = [f"says {host.index}".encode() for host in hosts]
    with ThreadPoolExecutor(3) as pool:
        heard = list(pool.map(Channel.from_chief, channels, said))
        list(pool.map(Channel.await_all, channels))
    assert heard == [b"says 0"] * 3
    for channel in channels:
        channel.close()


def test_a_decision_of_the_chief() -> None:
    """It is JSON, and the chief's on every host, whatever the others think."""
    addresses = tuple(free_addresses(2))
    hosts = [Hosts(addresses, index) for index in range(2)]
    channels = [met.result() for met in meet_all(hosts, [{}, {}])]
    both = [
        Distribution(host, 2, channel)
        for host, channel in zip(hosts, channels, strict=True)
    ]
    with ThreadPoolExecutor(2) as pool:
        decided = list(pool.map(Distribution.agree, both, [{"stop": True}, None]))
    assert decided == [{"stop": True}] * 2
    for channel in channels:
        channel.close()


def test_hosts_that_are_about_to_differ() -> None:
    """Both end, and both name what differs and where."""
    addresses = tuple(free_addresses(2))
    hosts = [Hosts(addresses, index) for index in range(2)]
    met = meet_all(hosts, [{"plan": {"seed": 1, "epochs": 5}}, {"plan": {"seed": 1}}])
    told = f"{addresses[1]} (--host-index 1) has plan.epochs None, the first host 5"
    for one in met:
        with pytest.raises(FerError) as refused:
            one.result()
        assert told in str(refused.value)


def test_lists_that_differ() -> None:
    """Hosts in another order would take each other's part."""
    addresses = free_addresses(3)
    hosts = [
        Hosts(tuple(addresses), 0),
        Hosts((addresses[0], addresses[2], addresses[1]), 1),
    ]
    for one in meet_all(hosts, [{}, {}]):
        with pytest.raises(FerError, match="the list must be the same"):
            one.result()


def test_an_index_that_is_given_twice() -> None:
    """All three hear of it."""
    addresses = tuple(free_addresses(3))
    hosts = [Hosts(addresses, index) for index in (0, 1, 1)]
    for one in meet_all(hosts, [{}] * 3):
        with pytest.raises(FerError, match="--host-index: 1 is given on two machines"):
            one.result()


def test_a_host_that_never_comes() -> None:
    """The chief and the host that waits with it name the one that is missing."""
    addresses = tuple(free_addresses(3))
    hosts = [Hosts(addresses, index) for index in range(2)]
    for one in meet_all(hosts, [{}, {}], seconds=0.5):
        with pytest.raises(FerError) as missed:
            one.result()
        told = f"{addresses[2]} (--host-index 2) has not called within 0.5 s"
        assert told in str(missed.value)


def test_a_chief_that_never_comes() -> None:
    """The others name it, and why they cannot reach it."""
    addresses = tuple(free_addresses(2))
    with pytest.raises(FerError) as missed:
        meet(Hosts(addresses, 1), {}, 0.5)
    told = f"{addresses[0]} (--host-index 0) does not answer within 0.5 s (Connection"
    assert told in str(missed.value)


def test_an_address_that_is_taken() -> None:
    """It may be another host that believes to be the first."""
    addresses = tuple(free_addresses(2))
    host, port = addresses[0].split(":")
    with (
        socket.create_server((host, int(port))),
        pytest.raises(FerError, match="in use; another program, or another host"),
    ):
        meet(Hosts(addresses, 0), {}, 1)


def test_an_address_of_another_machine() -> None:
    """The index is wrong, most likely. The address is one of documentation's."""
    with pytest.raises(FerError, match="no address of this machine"):
        meet(Hosts(("192.0.2.1:5000", "192.0.2.2:5000"), 0), {}, 1)


def test_a_stranger_at_the_door() -> None:
    """Whoever sends something else, or nothing, is passed over."""
    addresses = tuple(free_addresses(2))
    host, port = addresses[0].split(":")
    with ThreadPoolExecutor(2) as pool:
        chief = pool.submit(meet, Hosts(addresses, 0), {}, 10)
        for content in (b"GET / HTTP/1.1\r\n\r\n", b"", None):
            stranger = None
            while stranger is None:
                try:
                    stranger = socket.create_connection((host, int(port)))
                except ConnectionRefusedError:
                    assert not chief.done()
            with stranger:
                if content is None:
                    send(stranger, b'{"greeting": "other", "index": 1}')
                else:
                    stranger.sendall(content)
        other = pool.submit(meet, Hosts(addresses, 1), {}, 10)
        for channel in (chief.result(), other.result()):
            channel.close()


def test_a_host_that_is_lost() -> None:
    """Each end of a connection that is cut says who is gone."""
    addresses = tuple(free_addresses(2))
    hosts = [Hosts(addresses, index) for index in range(2)]
    chief, other = (met.result() for met in meet_all(hosts, [{}, {}]))
    other.close()
    with pytest.raises(FerError) as missed:
        chief.await_all()
    assert f"lost {addresses[1]} (--host-index 1)" in str(missed.value)
    chief.close()
    chief, other = (met.result() for met in meet_all(hosts, [{}, {}]))
    chief.close()
    with pytest.raises(FerError) as missed:
        other.from_chief(b"")
    assert f"lost {addresses[0]} (--host-index 0)" in str(missed.value)
    other.close()


@given(size=some.integers(1, 40), replicas=some.integers(1, 7))
def test_parts_of_a_batch(size: int, replicas: int) -> None:
    """They are alike in size, and together the batch, filled up from its start."""
    batch = (np.arange(size), np.arange(size) * 2.0)
    full = fill_up(batch, replicas)
    parts = [take_part(full, index, replicas) for index in range(replicas)]
    assert len({len(faces) for faces, _ in parts}) == 1
    together = np.concatenate([faces for faces, _ in parts])
    assert np.array_equal(together[:size], batch[0])
    assert len(together) - size < replicas
    assert all(np.array_equal(targets, faces * 2.0) for faces, targets in parts)


def test_a_batch_that_cannot_be_divided() -> None:
    """Known before the first one is trained on."""
    with pytest.raises(FerError, match="--batch-size: 16; a multiple of 3"):
        Distribution(replicas=3).fit(None, [(np.zeros((16, 4)),)])
