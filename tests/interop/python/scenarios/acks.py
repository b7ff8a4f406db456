"""Acknowledgements, both ways."""

import asyncio

import socketio.exceptions

from cases import case, many_packets
from clients import Peers


@case("the server hears the client's answer of several arguments")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    client.answer("ask", lambda question: (question["number"] + 1, "two"))
    await client.emit("ask", {"number": 41})
    assert await client.next("answered") == [42, "two"]


@case("the server hears an answer with binary to a question with binary")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    client.answer("ask", lambda data: {"back": data + b"!"})
    await client.emit("ask", b"heard")
    assert await client.next("answered") == [{"back": b"heard!"}]


@case("an answer without arguments is an answer")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    client.answer("ask", lambda: None)
    await client.emit("ask")
    assert await client.next("answered") == []


@case("a question that the client answers too late times out on the server")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    release = client.withhold("ask")
    await client.emit("ask", "anyone?")
    assert await client.next("unanswered") == []
    release()
    assert await client.ask("echo", "after the late answer") == ["after the late answer"]
    assert client.taken("answered") == []


@case("20 questions both ways at once meet their own answers")
@many_packets
async def _(peers: Peers) -> None:
    client = await peers.connected()
    client.answer("ask", lambda number: -number)
    echoes = []
    for number in range(1, 21):
        await client.emit("ask", number)
        echoes.append(await client.emit_with_ack("echo", number))
    assert await client.in_time(asyncio.gather(*echoes), "acks") == [[number] for number in range(1, 21)]
    # The threads that answer may overtake each other.
    answered = sorted([(await client.next("answered"))[0] for _ in range(20)])
    assert answered == list(range(-20, 0))


@case("1,000 acks asked at once come complete and in order")
@many_packets
async def _(peers: Peers) -> None:
    client = await peers.connected()
    order: list[int] = []
    acks = [await client.emit_with_ack("echo", number) for number in range(1_000)]
    for ack in acks:
        ack.add_done_callback(lambda done: order.append(done.result()[0]))
    await client.in_time(asyncio.gather(*acks), "acks")
    assert order == list(range(1_000))


@case("call() gives the answer")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    assert await client.call("echo", "one", timeout=5) == "one"
    assert tuple(await client.call("echo", "one", b"two", timeout=5)) == ("one", b"two")


@case("call() of what is never acknowledged times out")
async def _(peers: Peers) -> None:
    client = await peers.connected()
    try:
        await client.call("nobody handles this", timeout=0.2)
    except socketio.exceptions.TimeoutError:
        pass
    else:
        raise AssertionError("answered")
