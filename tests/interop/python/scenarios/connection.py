"""Connecting, the auth payload, and namespaces."""

import asyncio
import re

import socketio.exceptions

from cases import case
from clients import Peers


@case("a client connects and ends on the best transport it may use")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    assert client.io.connected
    assert client.transport == peers.transports[-1], client.transport


@case("a socket's id has 20 characters and is not the session's")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    assert re.fullmatch(r"[\w-]{20}", client.id()), client.id()
    assert client.id() != client.io.sid


@case("two connections have different ids")
async def _(peers: Peers) -> None:
    one, other = await asyncio.gather(peers.connected(), peers.connected())
    assert one.id() != other.id()


@case("the server sees the auth payload")
async def _(peers: Peers) -> None:
    auth = {"token": "t", "nested": {"numbers": [1, 2.5], "none": None}, "text": "é 語"}
    client = peers.idle()
    await client.connect(auth=auth)
    assert await client.next("auth") == [auth]


@case("the server sees the auth payload that a function gives")
async def _(peers: Peers) -> None:
    client = peers.idle()
    await client.connect("/custom", auth=lambda: {"token": "from a function"})
    assert await client.next("auth", "/custom") == [{"token": "from a function"}]


@case("without a payload the auth is an empty object")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    assert await client.next("auth") == [{}]


@case("a named namespace works by itself")
async def _(peers: Peers) -> None:
    client = await peers.connected("/custom")
    assert await client.ask("echo", "here", namespace="/custom") == ["here"]


@case("an unknown namespace is refused by name")
async def _(peers: Peers) -> None:
    client = peers.idle()
    try:
        await client.connect("/nowhere")
    except socketio.exceptions.ConnectionError as error:
        assert "/nowhere" in str(error), error
    else:
        raise AssertionError("connected")
    assert await client.next("connect_error", "/nowhere") == [{"message": "Invalid namespace"}]
    assert not client.io.connected


@case("a refused namespace leaves the others of the connection open")
async def _(peers: Peers) -> None:
    client = peers.idle()
    await client.connect("/", "/nowhere", wait=False)
    assert await client.next("connect") == []
    assert await client.next("connect_error", "/nowhere") == [{"message": "Invalid namespace"}]
    assert await client.ask("echo", "still here") == ["still here"]


@case("two namespaces share one connection and have ids of their own")
async def _(peers: Peers) -> None:
    client = await peers.connected("/", "/custom")
    assert client.id("/") != client.id("/custom")
    answers = await asyncio.gather(client.ask("echo", "main"), client.ask("echo", "custom", namespace="/custom"))
    assert answers == [["main"], ["custom"]]


@case("a client connects again after it left, with a new id")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    before = client.id()
    await client.disconnect()
    await client.connect()
    assert client.id() != before
    assert await client.ask("echo", "back") == ["back"]


@case("20 clients that emit in their connect handlers lose nothing")
async def _(peers: Peers) -> None:
    async def early(number: int) -> list[list]:
        client = peers.idle()
        answers = [client.emit_at_connect("echo", number, word) for word in ("first", "second")]
        await client.connect()
        return [await client.in_time(answer, "ack") for answer in answers]

    answers = await asyncio.gather(*(early(number) for number in range(20)))
    assert answers == [[[number, "first"], [number, "second"]] for number in range(20)]
