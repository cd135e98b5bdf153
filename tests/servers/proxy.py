"""A TCP proxy on loopback: adds delay, and takes a real server down and up again at one address.

`Proxy(target)` runs on a thread of its own; for measurements there is `bench/delay.py`, in a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Coroutine
from enum import Enum
from typing import Any, Literal, Self

_CHUNK = 64 * 1024
_IN_FLIGHT = 1024  # chunks per direction: enough for 64 MiB on a long line
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: closing sends RST


Side = Literal["client", "server"]


class State(Enum):
    """What a client of the proxy meets."""

    UP = "up"
    REFUSING = "refusing"  # connection refused, as when nothing listens
    RESETTING = "resetting"  # connects, then the connection is reset
    HANGING = "hanging"  # connects, and then nothing moves any more


class Proxy:
    """Forwards `host` to a target; starts with the constructor, ends with `close()` or a with block.

    `delay` is in seconds and per direction; a new connection's first bytes wait a round trip more, as its
    handshake would. Throughput is not limited.
    """

    def __init__(self, target: str, *, delay: float = 0) -> None:
        """Listen on a free port of 127.0.0.1 and forward to `target` (host:port)."""
        self.delay = delay
        self.state = State.UP
        self.connections = 0
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._budgets: dict[Side, int] = {}
        # Bound and never listening: it keeps the port while the proxy refuses.
        self._keeper = _bound(0)
        self.host = f"127.0.0.1:{self._keeper.getsockname()[1]}"
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._moving = asyncio.Event()
        self._moving.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._run(self._listen())

    def __enter__(self) -> Self:
        """Use it in a with block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def up(self) -> None:
        """Forward again; connections that hung go on."""
        self._become(State.UP)

    def refuse(self) -> None:
        """Reset what is open and refuse new connections."""
        self._become(State.REFUSING)

    def reset(self) -> None:
        """Reset what is open, and every new connection."""
        self._become(State.RESETTING)

    def hang(self) -> None:
        """Forward nothing more and close nothing; new connections are accepted and hang too."""
        self._become(State.HANGING)

    def reset_once_after(self, sent: int, towards: Side = "client") -> None:
        """Reset the connection that carries the `sent`-th byte from now `towards` a side, and no other."""
        self._budgets[towards] = sent

    def close(self) -> None:
        """End it and every connection. May be called again."""
        if self._thread.is_alive():
            self._run(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._keeper.close()

    def _become(self, state: State) -> None:
        self._run(self._change(state))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _change(self, state: State) -> None:
        self.state = state
        if state is State.HANGING:
            self._moving.clear()
        else:
            self._moving.set()
        if state in {State.REFUSING, State.RESETTING}:
            self._reset_all()
        if state is State.REFUSING:
            self._unlisten()
        else:
            await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            listener = _bound(self._keeper.getsockname()[1])
            self._server = await asyncio.start_server(self._accept, sock=listener)

    def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _stop(self) -> None:
        self._unlisten()
        self._reset_all()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reset_all(self) -> None:
        for writer in tuple(self._open):
            _reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            if self.state is State.RESETTING:
                _reset(writer)
                return
            await self._forward(reader, writer)
        except OSError:
            _reset(writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._open.add(far_writer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, far_writer, "server", extra=2 * self.delay))
                both.create_task(self._carry(far_reader, writer, "client"))
        except* OSError:
            _reset(writer)
        finally:
            self._open.discard(far_writer)
            far_writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, towards: Side, *, extra: float = 0
    ) -> None:
        """Carry one direction: bytes are read as they come and written when they are due, in order."""
        line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT)

        async def read() -> None:
            late = extra
            while data := await reader.read(_CHUNK):
                await line.put((time.monotonic() + self.delay + late, data))
                late = 0
            await line.put((time.monotonic() + self.delay, b""))

        reading = asyncio.create_task(read())
        try:
            while True:
                due, data = await line.get()
                await asyncio.sleep(due - time.monotonic())
                await self._moving.wait()
                if not data:
                    break
                allowed = self._allowed(data, towards)
                writer.write(data[:allowed])
                await writer.drain()
                if allowed < len(data):
                    raise ConnectionResetError
            writer.write_eof()
            await reading
        finally:
            reading.cancel()

    def _allowed(self, data: bytes, towards: Side) -> int:
        """How many bytes of `data` may pass before `reset_once_after` breaks the connection."""
        budget = self._budgets.get(towards)
        if budget is None:
            return len(data)
        if budget > len(data):
            self._budgets[towards] = budget - len(data)
            return len(data)
        del self._budgets[towards]
        return budget - 1


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, dropping what is buffered."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
