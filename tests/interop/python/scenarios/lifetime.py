"""What needs a server of its own: heartbeats, and a server that goes and comes back."""

from cases import case
from clients import Peers
from target import free_port, server


@case("a client comes back by itself after the server's restart")
async def _(peers: Peers) -> None:
    port = free_port()
    with server(port) as url:
        client = peers.idle(
            url, reconnection=True, reconnection_delay=0.02, reconnection_delay_max=0.1, randomization_factor=0,
        )
        await client.connect("/", "/custom", auth={"kept": True})
        before = client.id()
        assert await client.next("connect") == []
        assert await client.next("connect", "/custom") == []
        assert await client.next("auth") == [{"kept": True}]
    assert await client.next("disconnect") == ["transport error"]
    assert await client.next("disconnect", "/custom") == ["transport error"]
    with server(port):
        assert await client.next("connect") == []
        assert await client.next("auth") == [{"kept": True}]
        assert client.id() != before
        assert await client.ask("echo", "new") == ["new"]
        await client.next("connect", "/custom")
        assert await client.ask("echo", "new", namespace="/custom") == ["new"]
        await client.shutdown()


@case("a quiet connection lives through its heartbeats")
async def _(peers: Peers) -> None:
    with server(free_port(), PING_INTERVAL="200", PING_TIMEOUT="400") as url:
        client = await peers.connected(url=url)
        for _ in range(3):
            await client.in_time(client.pings.get(), "ping")
        assert await client.ask("echo", "alive") == ["alive"]
        await client.shutdown()
