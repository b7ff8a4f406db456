"""The list of cases, and where one is known to fail."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from clients import KINDS, WAYS, Peers
from target import ORIGINAL


@dataclass(frozen=True)
class Fault:
    """Where a case must fail, and why: whoever mends it is told by the case that holds."""

    why: str
    kinds: tuple[str, ...]
    ways: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A sentence, and the function that shows it with one kind of client over one way."""

    sentence: str
    run: Callable[[Peers], Awaitable[None]]
    faults: list[Fault] = field(default_factory=list)

    def fault(self, kind: str, way: str) -> Fault | None:
        """Why the case fails there."""
        return next((fault for fault in self.faults if kind in fault.kinds and way in fault.ways), None)


CASES: list[Case] = []


def case(sentence: str) -> Callable:
    """Adds the function below to the list."""

    def add(function: Callable[[Peers], Awaitable[None]]) -> Callable:
        CASES.append(Case(sentence, function, function.__dict__.pop("faults", [])))
        return function

    return add


def fails_on_the_original(why: str, kinds: tuple[str, ...] = tuple(kind.kind for kind in KINDS),
                          ways: tuple[str, ...] = tuple(WAYS)) -> Callable:
    """The original server, or this client with it, does not keep it."""

    def mark(function: Callable) -> Callable:
        if ORIGINAL:
            function.__dict__.setdefault("faults", []).append(Fault(why, kinds, ways))
        return function

    return mark


many_packets = fails_on_the_original("its payloads may have more than the 16 packets that the client takes",
                                     ways=("polling only",))
