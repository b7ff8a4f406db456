"""python-socketio's two clients behind one face, so that each scenario is written once.

The client of threads blocks: what may wait runs on a thread of its own, and what handlers hear on theirs comes back to
the scenario's loop.
"""

import asyncio
import itertools
import logging
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import socketio

from target import PATIENCE

WAYS = {
    "polling only": ["polling"],
    "WebSocket only": ["websocket"],
    "upgrade": ["polling", "websocket"],
}

PARSER = os.environ.get("PARSER", "default")
"""How packets are written, on both sides: `default` or `msgpack`."""

NAMESPACES = ["/", "/custom", "/nowhere"]

# The client of threads starts one for each message, and hopes that they run in the order in which they start: they do
# while none is interrupted.
sys.setswitchinterval(60)


class Client:
    """One client and what it heard; the kinds differ in how they call and are called."""

    def __init__(self, transports: list[str], url: str, **options: Any):
        self.url = url
        self.transports = transports
        self.loop = asyncio.get_running_loop()
        self.pings: asyncio.Queue[None] = asyncio.Queue()
        self._heard: dict[tuple[str, str], asyncio.Queue[tuple]] = defaultdict(asyncio.Queue)
        self._answers: dict[str, Callable[..., Any]] = {}
        self._at_connect: list[tuple[str, tuple, Callable]] = []
        self._ended = asyncio.Event()
        self._reason: tuple = ()
        defaults = {"reconnection": False, "serializer": PARSER}
        self.io = self._create(engineio_logger=self._ping_counter(), **(defaults | options))
        for namespace in NAMESPACES:
            self._listen(namespace)

    @property
    def transport(self) -> str:
        """The transport in use."""
        return self.io.transport()

    def id(self, namespace: str = "/") -> str:
        """The socket's id."""
        return self.io.get_sid(namespace)

    def answer(self, event: str, function: Callable[..., Any]) -> None:
        """What a question of the server is answered with: what `function` returns."""
        self._answers[event] = function

    async def connect(self, *namespaces: str, auth: Any = None, wait: bool = True) -> None:
        """Connects; waits for all `namespaces` unless told not to."""
        # A write that failed when the last connection closed would count as unfinished for ever.
        self.io.eio.queue = self.io.eio.create_queue()
        await self._connect(
            self.url, auth=auth, transports=self.transports, namespaces=list(namespaces or ["/"]), wait=wait,
            wait_timeout=PATIENCE,
        )

    async def ask(self, event: str, *args: Any, namespace: str = "/") -> list:
        """Emits, and gives all arguments of the acknowledgement."""
        return await self.in_time(await self.emit_with_ack(event, *args, namespace=namespace), f"ack of {event}")

    async def emit_with_ack(self, event: str, *args: Any, namespace: str = "/") -> asyncio.Future[list]:
        """Emits, and gives at once what will be the acknowledgement."""
        answered, callback = self._ack()
        await self.emit(event, *args, namespace=namespace, callback=callback)
        return answered

    def emit_at_connect(self, event: str, *args: Any) -> asyncio.Future[list]:
        """What the connect handler of `/` emits before it returns, and its acknowledgement."""
        answered, callback = self._ack()
        self._at_connect.append((event, args, callback))
        return answered

    async def next(self, event: str, namespace: str = "/") -> list:
        """The arguments of the next `event` that is not taken yet."""
        waiting = self._heard[namespace, event].get()
        return list(await self.in_time(waiting, f"{event} in {namespace}", event in self.io.reserved_events))

    def taken(self, event: str, namespace: str = "/") -> list[tuple]:
        """What was heard of `event` and is not taken yet."""
        queue = self._heard[namespace, event]
        return [queue.get_nowait() for _ in range(queue.qsize())]

    async def gone(self) -> list:
        """The arguments of the next `disconnect`; the client tells of it before it may connect again."""
        reason = await self.next("disconnect")
        while self.io.connected or self.io.eio.state != "disconnected":
            await asyncio.sleep(0.001)
        return reason

    async def disconnect(self) -> None:
        """Leaves all namespaces and closes.

        What is queued is written first: the client's writer stops as soon as it sees that the client is closing, and
        the goodbye stays behind when it was busy.
        """
        await self.written()
        await self._disconnect()

    async def emit_and_disconnect(self, event: str, *args: Any) -> None:
        """Emits and leaves in one breath, so that one polling payload carries both."""
        await self.written()
        await self._emit_and_disconnect(event, args)

    async def in_time(self, waiting: Awaitable, what: str, whatever_happens: bool = False) -> Any:
        """The result of `waiting`; fails when it does not come, or the connection ends first."""
        wanted = asyncio.ensure_future(waiting)
        ended = asyncio.ensure_future(asyncio.Event().wait() if whatever_happens else self._ended.wait())
        await asyncio.wait([wanted, ended], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if wanted.done():
            return wanted.result()
        wanted.cancel()
        why = f"before the end: {self._reason}" if self._ended.is_set() else f"within {PATIENCE} s"
        raise AssertionError(f"no {what} {why}")

    def _ack(self) -> tuple[asyncio.Future[list], Callable[..., None]]:
        answered = self.loop.create_future()
        return answered, lambda *answer: self._soon(answered.set_result, list(answer))

    def _hear(self, namespace: str, event: str, args: tuple) -> None:
        if namespace == "/" and event == "connect":
            self._soon(self._ended.clear)
        if namespace == "/" and event == "disconnect":
            self._reason = args
            self._soon(self._ended.set)
        self._soon(self._heard[namespace, event].put_nowait, args)

    def _soon(self, function: Callable[..., Any], *args: Any) -> None:
        self.loop.call_soon_threadsafe(function, *args)

    def _ping_counter(self) -> logging.Logger:
        """The client tells of pings in its log only."""
        client = self

        class Pings(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if record.args and record.args[0] == "PING":
                    client._soon(client.pings.put_nowait, None)

        logger = logging.Logger("engineio", logging.INFO)
        logger.addHandler(Pings())
        # What else it has to say tells why a case failed.
        warnings = logging.StreamHandler(sys.stdout)
        warnings.setLevel(logging.WARNING)
        logger.addHandler(warnings)
        return logger


class Threads(Client):
    """`socketio.Client`."""

    kind = "threads"

    def _create(self, **options: Any) -> socketio.Client:
        return socketio.Client(handle_sigint=False, **options)

    def _listen(self, namespace: str) -> None:
        def connected() -> None:
            for event, args, callback in self._at_connect if namespace == "/" else []:
                self.io.emit(event, args, callback=callback)
            self._hear(namespace, "connect", ())

        def heard(event: str, *args: Any) -> Any:
            self._hear(namespace, event, args)
            return self._answers.get(event, lambda *_: None)(*args)

        self.io.on("connect", connected, namespace)
        self.io.on("connect_error", lambda *args: self._hear(namespace, "connect_error", args), namespace)
        self.io.on("disconnect", lambda *args: self._hear(namespace, "disconnect", args), namespace)
        self.io.on("*", heard, namespace)

    async def _connect(self, url: str, **options: Any) -> None:
        await asyncio.to_thread(self.io.connect, url, **options)

    async def emit(self, event: str, *args: Any, namespace: str = "/", callback: Callable | None = None) -> None:
        """Emits; the arguments may be none."""
        self.io.emit(event, args, namespace=namespace, callback=callback)

    async def call(self, event: str, *args: Any, timeout: float) -> Any:
        """The client's own way to wait for an acknowledgement."""
        return await asyncio.to_thread(self.io.call, event, args, timeout=timeout)

    def withhold(self, event: str) -> Callable[[], None]:
        """Leaves questions unanswered until the result is called."""
        released = threading.Event()
        self.answer(event, lambda *_: released.wait(PATIENCE))
        return released.set

    async def written(self) -> None:
        """Waits until all that was emitted is written."""
        while self.io.eio.state == "connected" and self.io.eio.queue.unfinished_tasks > 0:
            await asyncio.sleep(0.001)

    async def _disconnect(self) -> None:
        await asyncio.to_thread(self.io.disconnect)

    async def _emit_and_disconnect(self, event: str, args: tuple) -> None:
        def both() -> None:
            self.io.emit(event, args)
            self.io.disconnect()

        await asyncio.to_thread(both)

    async def close_engine(self) -> None:
        """Closes the connection without a goodbye in its namespaces."""
        await self.written()
        await asyncio.to_thread(self.io.eio.disconnect)

    async def shutdown(self) -> None:
        """Leaves nothing open, nor any attempt to reconnect."""
        if self.io.connected:
            await self.disconnect()
        await asyncio.to_thread(self.io.shutdown)
        await self._disconnect()


class Asyncio(Client):
    """`socketio.AsyncClient`."""

    kind = "asyncio"

    def _create(self, **options: Any) -> socketio.AsyncClient:
        return socketio.AsyncClient(handle_sigint=False, **options)

    def _listen(self, namespace: str) -> None:
        async def connected() -> None:
            for event, args, callback in self._at_connect if namespace == "/" else []:
                await self.io.emit(event, args, callback=callback)
            self._hear(namespace, "connect", ())

        async def heard(event: str, *args: Any) -> Any:
            self._hear(namespace, event, args)
            answer = self._answers.get(event, lambda *_: None)(*args)
            return await answer if asyncio.iscoroutine(answer) else answer

        self.io.on("connect", connected, namespace)
        self.io.on("connect_error", lambda *args: self._hear(namespace, "connect_error", args), namespace)
        self.io.on("disconnect", lambda *args: self._hear(namespace, "disconnect", args), namespace)
        self.io.on("*", heard, namespace)

    async def _connect(self, url: str, **options: Any) -> None:
        await self.io.connect(url, **options)

    async def emit(self, event: str, *args: Any, namespace: str = "/", callback: Callable | None = None) -> None:
        """Emits; the arguments may be none."""
        await self.io.emit(event, args, namespace=namespace, callback=callback)

    async def call(self, event: str, *args: Any, timeout: float) -> Any:
        """The client's own way to wait for an acknowledgement."""
        return await self.io.call(event, args, timeout=timeout)

    def withhold(self, event: str) -> Callable[[], None]:
        """Leaves questions unanswered until the result is called."""
        released = asyncio.Event()
        self.answer(event, lambda *_: released.wait())
        return released.set

    async def written(self) -> None:
        """Waits until all that was emitted is written."""
        await self.in_time(self.io.eio.queue.join(), "end of the queue")

    async def _disconnect(self) -> None:
        await self.io.disconnect()

    async def _emit_and_disconnect(self, event: str, args: tuple) -> None:
        await self.io.emit(event, args)
        await self.io.disconnect()

    async def close_engine(self) -> None:
        """Closes the connection without a goodbye in its namespaces."""
        await self.written()
        await self.io.eio.disconnect()

    async def shutdown(self) -> None:
        """Leaves nothing open, nor any attempt to reconnect."""
        if self.io.connected:
            await self.disconnect()
        await self.io.shutdown()
        await self._disconnect()


KINDS = [Threads, Asyncio]


class Peers:
    """The clients of one case: of one kind, over one way."""

    def __init__(self, kind: type[Client], way: str, url: str):
        self.kind = kind
        self.url = url
        self.transports = WAYS[way]
        self._open: list[Client] = []

    def idle(self, url: str | None = None, **options: Any) -> Client:
        """A client that has not begun to connect."""
        client = self.kind(self.transports, url or self.url, **options)
        self._open.append(client)
        return client

    async def connected(self, *namespaces: str, **options: Any) -> Client:
        """A connected client, on the last of its transports: an upgrade is part of connecting."""
        client = self.idle(**options)
        await client.connect(*namespaces)
        return client

    async def close(self) -> None:
        """Leaves none of them open."""
        await asyncio.gather(*(client.shutdown() for client in self._open))


_count = itertools.count()


def unique(word: str) -> str:
    """A word that no other case uses: they share a server."""
    return f"{word}-{os.getpid()}-{next(_count)}"
