"""The servers under test; the variables are those of ../support/target.mjs."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 10.0
"""Seconds that anything may take that is not about time itself."""

if "TARGET_COMMAND" not in os.environ:
    raise SystemExit("TARGET_COMMAND is missing: how to start application C, a JSON array")
COMMAND: list[str] = json.loads(os.environ["TARGET_COMMAND"])
ORIGINAL = os.environ.get("TARGET") == "original"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(port: int, **env: str) -> Iterator[str]:
    """A server that takes connections, and its address; killed at the end, so that its connections are cut."""
    words = [word.replace("{listen}", f"127.0.0.1:{port}") for word in COMMAND]
    child = subprocess.Popen(
        words, env=os.environ | env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(port):
            assert child.poll() is None, f"{words[0]} ended with {child.returncode} before it listened"
            assert time.monotonic() < deadline, f"{words[0]} did not listen on {port}"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
