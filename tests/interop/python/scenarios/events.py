"""What events carry, both ways, and their order."""

import asyncio

from cases import case, many_packets
from clients import Client, Peers, unique

KINDS = [
    None, True, False, 0, 1, -1, 1.5, -0.25, 1e21, 5e-324, 2**53 - 1, 1 - 2**53,
    "", "text", "\"quotes\" and \\ and / and \n\t\u0000", "é ü 日本語 Я 🐟 \u2028", "x" * 5_000,
    [], {}, [[]], [{}], [1, [2, [3, [4]]]], {"a": {"b": {"c": {"d": [None]}}}},
    {"": 1, "a b": 2, "日本": 3, "_placeholder": False, "num": 0},
]


async def heard(client: Client, mark: str, times: int) -> list:
    """What `times` broadcasts with `mark` carry."""
    values: list = []
    while len(values) < times:
        data, = await client.next("broadcast")
        if isinstance(data, dict) and data.get("mark") == mark:
            values.append(data["value"])
    return values


@case("every kind of JSON comes back as it went")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    for value in KINDS:
        assert await client.ask("echo", value) == [value], value


@case("every kind of JSON travels in one event")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    assert await client.ask("echo", *KINDS) == KINDS


@case("an event without arguments is acknowledged without arguments")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    assert await client.ask("echo") == []


@case("64 levels of nesting come back")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    nested: object = "heart"
    for _ in range(32):
        nested = [{"nested": nested}]
    assert await client.ask("echo", nested) == [nested]


@case("binary comes back byte for byte")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    assert await client.ask("echo", bytes(range(256))) == [bytes(range(256))]


@case("an empty attachment is one")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    assert await client.ask("echo", b"", "after") == [b"", "after"]


@case("nested binary keeps its places, both ways")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    value = {"list": [b"one", {"deep": b"\x00\xff"}, "text"], "number": 1, "last": "日本".encode()}
    assert await client.ask("echo", "first", value, b"end") == ["first", value, b"end"]


@case("ten attachments in one event come back in their places")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    many = [f"attachment {number}".encode() for number in range(10)]
    assert await client.ask("echo", many) == [many]


@case("binary broadcasts reach everyone")
async def _(peers: Peers) -> None:
    sender, other = await asyncio.gather(peers.connected(), peers.connected())
    mark = unique("binary")
    await sender.emit("broadcast", {"mark": mark, "value": [b"for all"]})
    assert await heard(other, mark, 1) == [[b"for all"]]
    assert await heard(sender, mark, 1) == [[b"for all"]]


@case("1,000 events arrive in order, and so do the 1,000 that they cause")
@many_packets
async def _(peers: Peers) -> None:
    client = await peers.connected()
    mark = unique("order")
    for number in range(1_000):
        await client.emit("broadcast", {"mark": mark, "value": number})
    assert await heard(client, mark, 1_000) == list(range(1_000))


@case("text and binary events keep their order")
@many_packets
async def _(peers: Peers) -> None:
    client = await peers.connected()
    mark = unique("mixed")
    sent = [bytes([number]) if number % 3 == 0 else number for number in range(200)]
    for value in sent:
        await client.emit("broadcast", {"mark": mark, "value": value})
    assert await heard(client, mark, 200) == sent


@case("an event that nobody handles harms nothing")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    await client.emit("nobody handles this", 1, {"two": 2})
    await client.emit("", "an empty name")
    assert await client.ask("echo", "after") == ["after"]
