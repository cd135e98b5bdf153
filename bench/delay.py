"""Delay: a TCP proxy that hands on what it gets a little later, in order, and uses little CPU for it.

`python -m bench.delay HOST:PORT MILLISECONDS` prints its address and serves until it is killed. The delay is that of
one direction; a new connection's first bytes wait a round trip more, as its handshake would.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque


class End(asyncio.Protocol):
    """One end of a connection: what arrives here leaves at the other end when it is due."""

    other: End

    def __init__(self, delay: float) -> None:
        """`delay` in seconds."""
        self._delay = delay
        self._waiting: deque[bytes] = deque()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From now on bytes may leave here."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes for the other end."""
        self.other.send_later(data)

    def connection_lost(self, _: Exception | None) -> None:
        """The other end is closed, too, after what is still to leave there."""
        self.other.send_later(b"")

    def send_later(self, data: bytes, extra: float = 0) -> None:
        """Write `data` here after the delay; nothing closes."""
        self._waiting.append(data)
        asyncio.get_running_loop().call_later(self._delay + extra, self._send)

    def _send(self) -> None:
        if self._transport is None:  # not connected yet
            asyncio.get_running_loop().call_later(self._delay, self._send)
        elif data := self._waiting.popleft():
            self._transport.write(data)
        else:
            self._transport.close()


class Near(End):
    """The end of who connects to the proxy."""

    def __init__(self, delay: float, target: tuple[str, int]) -> None:
        """`target` is where its bytes go."""
        super().__init__(delay)
        self._target = target
        self._handshake = 2 * delay
        self.other = End(delay)
        self.other.other = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the target."""
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(loop.create_connection(lambda: self.other, *self._target))

    def data_received(self, data: bytes) -> None:
        """Bytes for the target; the first of them as late as a handshake would make them."""
        self.other.send_later(data, self._handshake)
        self._handshake = 0


async def main(target: str, milliseconds: str) -> None:
    """Serve for ever."""
    host, _, port = target.rpartition(":")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Near(float(milliseconds) / 1000, (host, int(port))), "127.0.0.1", 0, backlog=1024
    )
    print(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
