"""Who hears what: rooms, broadcasts, namespaces."""

import asyncio

from cases import case
from clients import Client, Peers, unique


async def heard_until(client: Client, event: str, end: str, namespace: str = "/") -> list[tuple]:
    """Everything of `event` that `client` heard until a broadcast of `end`."""
    while await client.next("broadcast", namespace) != [end]:
        pass
    return client.taken(event, namespace)


@case("a broadcast reaches everyone, its sender too")
async def _(peers: Peers) -> None:
    clients = await asyncio.gather(*(peers.connected() for _ in range(3)))
    mark = unique("everyone")
    await clients[0].emit("broadcast", mark)
    await asyncio.gather(*(heard_until(client, "broadcast", mark) for client in clients))


@case("a room hears its events and nobody else does")
async def _(peers: Peers) -> None:
    inside, outside = await asyncio.gather(peers.connected(), peers.connected())
    room, end = unique("room"), unique("end")
    assert await inside.ask("join", room) == []
    await outside.emit("room", room, "first")
    await outside.emit("room", room, {"second": 2})
    await outside.emit("room", unique("empty"), "for no one")
    await outside.emit("broadcast", end)
    assert await heard_until(inside, "room", end) == [("first",), ({"second": 2},)]
    assert await heard_until(outside, "room", end) == []


@case("a socket in two rooms hears both")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    one, two, end = unique("room"), unique("room"), unique("end")
    await client.ask("join", one)
    await client.ask("join", two)
    for room in (one, two, one):
        await client.emit("room", room, room)
    await client.emit("broadcast", end)
    assert await heard_until(client, "room", end) == [(one,), (two,), (one,)]


@case("joining twice hears once")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    room, end = unique("room"), unique("end")
    await client.ask("join", room)
    await client.ask("join", room)
    await client.emit("room", room, b"once")
    await client.emit("broadcast", end)
    assert await heard_until(client, "room", end) == [(b"once",)]


@case("a socket's own id is a room")
async def _(peers: Peers) -> None:
    sender, receiver = await asyncio.gather(peers.connected(), peers.connected())
    await sender.emit("room", receiver.id(), "for you")
    assert await receiver.next("room") == ["for you"]


@case("a room of one namespace is not that of another")
async def _(peers: Peers) -> None:
    client = await peers.connected("/", "/custom")
    room, end = unique("room"), unique("end")
    for namespace in ("/", "/custom"):
        await client.ask("join", room, namespace=namespace)
    for namespace in ("/", "/custom"):
        await client.emit("room", room, namespace, namespace=namespace)
        await client.emit("broadcast", end, namespace=namespace)
    for namespace in ("/", "/custom"):
        assert await heard_until(client, "room", end, namespace) == [(namespace,)]
