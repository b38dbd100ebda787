"""Starts and stops the platform's processes: web, worker, simulated departments; all end with their parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg


class StartError(RuntimeError):
    """Something needed to start is missing or taken; the message is for a person and complete."""


def require_free(port: int, what: str, option: str) -> None:
    """Raises StartError where another program listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartError(
                f"Port {port}, needed for {what}, is used by another program (or by a Ruxue that still runs). "
                f"Stop that program, or choose another port with {option}."
            ) from error


def free_port() -> int:
    """A port that nothing uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_database(url: str) -> None:
    """Raises StartError where `url` leads to no usable PostgreSQL 15 or newer."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            if connection.info.server_version < 150_000:
                raise StartError(
                    f"The database is PostgreSQL {connection.info.server_version // 10_000}; Ruxue needs 15 or newer."
                )
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1][:200] if str(error).strip() else type(error).__name__
        raise StartError(
            f"The database that DATABASE_URL names can't be reached: {reason}. Correct DATABASE_URL, start that server, "
            "or unset DATABASE_URL to use the embedded PostgreSQL."
        ) from error


@dataclass
class Group:
    """Child processes in sessions of their own; `stop` ends them in reverse order, politely, then for good."""

    log_dir: Path
    running: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, name: str, command: list[str], env: dict[str, str]) -> None:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        with open(self.log_dir / f"{name}.log", "ab") as out:
            self.running.append(
                (
                    name,
                    subprocess.Popen(
                        command,
                        env={**os.environ, **env},
                        stdout=out,
                        stderr=out,
                        stdin=subprocess.DEVNULL,
                        start_new_session=True,
                    ),
                )
            )

    def failed(self) -> str | None:
        """Name of a process that has ended, if any."""
        return next((name for name, child in self.running if child.poll() is not None), None)

    def stop(self) -> None:
        for _, child in reversed(self.running):
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
        until = time.monotonic() + 10
        for _, child in self.running:
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self.running.clear()


def wait_for(url: str, group: Group, seconds: float = 30) -> None:
    """Waits until `url` answers. Raises StartError where a process of the group ended or time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            httpx.get(url, timeout=2)
            return
        except httpx.HTTPError:
            if name := group.failed():
                raise StartError(
                    f"The process “{name}” ended at once. Its log, {group.log_dir / (name + '.log')}, says why."
                ) from None
            time.sleep(0.1)
    raise StartError(f"{url} did not answer within {seconds:.0f} seconds. The logs are in {group.log_dir}.")


def departments_command(host: str, port: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--factory",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
        "--no-ws",
        "--log-level",
        "warning",
        "ruxue.simulation.departments:app_from_env",
    ]


def web_command(host: str, port: int, workers: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        str(workers),
        "--blocking-threads",
        "8",
        "--log-level",
        "warning",
        "ruxue.web.wsgi:application",
    ]


def worker_command() -> list[str]:
    return [sys.executable, "-m", "ruxue.cli", "worker"]


@contextmanager
def group(log_dir: Path) -> Iterator[Group]:
    """A group that is stopped whatever happens."""
    made = Group(log_dir)
    try:
        yield made
    finally:
        made.stop()
