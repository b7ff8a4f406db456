"""Near and past the limit of one message: 1,000,000 bytes."""

import asyncio

from cases import case
from clients import PARSER, Client, Peers
from target import free_port, server

LIMIT = 1_000_000
AROUND = 100 if PARSER == "msgpack" else 32
"""What surrounds the argument of an echo: `420["echo","…"]`, or the members of a map; and room for a longer ack id."""
ANNOUNCED = 100
"""What announces one attachment: `451-0["echo",{"_placeholder":true,"num":0}]`, and a separator."""


def room(client: Client) -> int:
    """Bytes of text in one message: MessagePack is binary, which over polling is base64, after a `b`."""
    base64 = PARSER == "msgpack" and client.transport == "polling"
    return (LIMIT // 4 * 3 if base64 else LIMIT) - AROUND


@case("a text just under the limit comes back")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    text = "x" * room(client)
    echoed, = await client.ask("echo", text)
    assert echoed == text, f"{len(echoed)} characters came back of {len(text)}"


@case("a text of many-byte characters just under the limit comes back")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    # This client writes such a character as six: \u8a9e.
    text = "語" * ((LIMIT - AROUND) // 6)
    echoed, = await client.ask("echo", text)
    assert echoed == text, f"{len(echoed)} characters came back of {len(text)}"


@case("binary just under the limit comes back")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    # Over polling an attachment is base64, after a `b`; on every transport the event that announces it counts, too.
    data = bytes([7]) * ((LIMIT - ANNOUNCED) // 4 * 3 if client.transport == "polling" else LIMIT - ANNOUNCED)
    echoed, = await client.ask("echo", data)
    assert echoed == data, f"{len(echoed)} bytes came back of {len(data)}"


# A POST that is too large is answered 413, and the client notices at the end of its GET: with the next ping.
SOON = {"PING_INTERVAL": "500"}


@case("a message over the limit closes the connection, and the client may come again")
async def _(peers: Peers) -> None:
    with server(free_port(), **SOON) as url:
        client = await peers.connected(url=url)
        await client.emit("echo", "x" * (LIMIT + 1))
        assert await client.gone() == ["transport error"]
        await client.connect()
        assert await client.ask("echo", "again") == ["again"]
        await client.shutdown()


@case("a message over the limit disturbs nobody else")
async def _(peers: Peers) -> None:
    with server(free_port(), **SOON) as url:
        big, other = await asyncio.gather(peers.connected(url=url), peers.connected(url=url))
        await big.emit("echo", "x" * (2 * LIMIT))
        assert await other.ask("echo", "calm") == ["calm"]
        await big.gone()
        assert await other.ask("echo", "calm still") == ["calm still"]
        await other.shutdown()
