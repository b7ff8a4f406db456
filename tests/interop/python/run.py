"""Runs every case with both of python-socketio's clients over every way.

python run.py                the kinds of client beside each other, each in a process of its own
python run.py KIND [PART]    one kind; only the cases with PART in their names
"""

import asyncio
import subprocess
import sys
import time
import traceback

from cases import CASES, Case
from clients import KINDS, WAYS, Client, Peers
from scenarios import acks, connection, disconnection, events, lifetime, rooms, sizes  # noqa: F401
from target import free_port, server

LIMIT = 60.0
"""Seconds that one case may take, with its end."""


async def hold(case: Case, kind: type[Client], way: str, url: str) -> None:
    """Runs one case; raises when it does not hold."""
    peers = Peers(kind, way, url)
    try:
        await case.run(peers)
    finally:
        await peers.close()


def report(case: Case, kind: type[Client], way: str, url: str) -> bool:
    """Runs one case and prints how it went; whether that was as expected."""
    name = f"{kind.kind}, {way}: {case.sentence}"
    started = time.monotonic()
    failure = None
    try:
        asyncio.run(asyncio.wait_for(hold(case, kind, way, url), LIMIT))
    except Exception:
        failure = traceback.format_exc()
    took = f"{time.monotonic() - started:.2f} s"
    fault = case.fault(kind.kind, way)
    expected = (failure is None) == (fault is None)
    if expected:
        print(f"ok {name} ({took})" if fault is None else f"ok {name} ({took}, fails: {fault.why})")
    else:
        print(f"not ok {name} ({took})")
        print(failure or f"It holds, though it is known to fail: {fault.why}")
    sys.stdout.flush()
    return expected


def run(kind: type[Client], part: str) -> bool:
    """Runs the cases of one kind of client; whether nothing failed."""
    # A server for each kind: broadcasts of the one would reach clients of the other.
    with server(free_port()) as url:
        reports = [
            report(case, kind, way, url)
            for way in WAYS for case in CASES if part in f"{kind.kind}, {way}: {case.sentence}"
        ]
    print(f"{reports.count(True)} passed, {reports.count(False)} failed", flush=True)
    return all(reports) and bool(reports)


def main() -> int:
    match sys.argv[1:]:
        case []:
            running = [subprocess.Popen([sys.executable, __file__, kind.kind]) for kind in KINDS]
            return max(child.wait() for child in running)
        case [name, *part]:
            kind = next(kind for kind in KINDS if kind.kind == name)
            return 0 if run(kind, " ".join(part)) else 1


if __name__ == "__main__":
    sys.exit(main())
