"""How sockets part, and what each side calls it."""

import asyncio

from cases import case, fails_on_the_original
from clients import Client, Peers, unique
from target import PATIENCE


async def reason_of(witness: Client, id: str) -> str:
    """Why the server says that `id` left, asked through `witness` until it knows."""
    async def known() -> str:
        while True:
            reason, = await witness.ask("reason", id)
            if reason is not None:
                return reason

    return await asyncio.wait_for(known(), PATIENCE)


def expected(peers: Peers) -> tuple[str, ...]:
    """What the server calls it when the client leaves.

    Over a WebSocket the client writes its goodbye behind the close frame, or not at all.
    """
    if peers.transports[-1] == "polling":
        return ("client namespace disconnect",)
    return ("client namespace disconnect", "transport close")


together = fails_on_the_original("it forgets what arrives in one payload with the close", ways=("polling only",))


@case("the client leaves")
@together
async def _(peers: Peers) -> None:
    client, witness = await asyncio.gather(peers.connected(), peers.connected())
    id = client.id()
    await client.disconnect()
    assert await client.next("disconnect") == ["client disconnect"]
    assert await reason_of(witness, id) in expected(peers)


@case("the client leaves with both its namespaces")
@together
async def _(peers: Peers) -> None:
    client, witness = await asyncio.gather(peers.connected("/", "/custom"), peers.connected())
    ids = [client.id("/"), client.id("/custom")]
    await client.disconnect()
    for namespace in ("/", "/custom"):
        assert await client.next("disconnect", namespace) == ["client disconnect"]
    for id in ids:
        assert await reason_of(witness, id) in expected(peers)


@case("the server sends a socket away and keeps its connection")
async def _(peers: Peers) -> None:
    client, witness = await asyncio.gather(peers.connected("/", "/custom"), peers.connected())
    id = client.id("/custom")
    await client.emit("kick", False, namespace="/custom")
    assert await client.next("disconnect", "/custom") == ["server disconnect"]
    assert await reason_of(witness, id) == "server namespace disconnect"
    assert await client.ask("echo", "open") == ["open"]


@case("the server sends a connection away, with all its namespaces")
async def _(peers: Peers) -> None:
    client, witness = await asyncio.gather(peers.connected("/", "/custom"), peers.connected())
    ids = [client.id("/"), client.id("/custom")]
    await client.emit("kick", True)
    for namespace in ("/", "/custom"):
        # The client's thread that handles the goodbye may come behind the one that sees the end.
        assert await client.next("disconnect", namespace) in (["server disconnect"], ["transport error"])
    for id in ids:
        assert await reason_of(witness, id) == "server namespace disconnect"


@case("events sent before the client leaves are handled")
@together
async def _(peers: Peers) -> None:
    client, witness = await asyncio.gather(peers.connected(), peers.connected())
    mark = unique("goodbye")
    if client.transport == "polling":
        await client.emit_and_disconnect("broadcast", mark)
    else:
        await client.emit("broadcast", mark)
        await client.disconnect()
    while await witness.next("broadcast") != [mark]:
        pass


@case("a closed transport is a transport close on the server")
async def _(peers: Peers) -> None:
    client, witness = await asyncio.gather(peers.connected(), peers.connected())
    id = client.id()
    await client.close_engine()
    assert await client.next("disconnect") == ["client disconnect"]
    assert await reason_of(witness, id) == "transport close"
