#!/usr/bin/env python3
# echo_websockets.py PORT: Python's websockets against a server that echoes at most 65535 bytes.
# Prints what is wrong and exits 1; exits 77 without the library.
import asyncio, sys
try:
    import websockets
except ImportError:
    sys.exit(77)

URL = "ws://127.0.0.1:%s/chat" % sys.argv[1]
LETTERS = "aé家\U0001F600"


async def closed(ws):
    """The code and reason with which the server closes."""
    try:
        while True:
            await ws.recv()
    except websockets.ConnectionClosed:
        return ws.close_code


async def echoes():
    async with websockets.connect(URL) as ws: # offers permessage-deflate
        for its in ws, getattr(ws, "protocol", None): # of versions before 13, and since
            assert not getattr(its, "extensions", None), its.extensions
        for n in 0, 1, 125, 126, 127, 1000, 65535:
            for text in "x" * n, (LETTERS * n)[: n // 4]:
                await ws.send(text)
                assert await ws.recv() == text, n
        for parts in ["a", "b"], ["", "", ""], list(LETTERS * 20), ["x" * 200, "", "é" * 200]:
            await ws.send(parts) # in fragments
            assert await ws.recv() == "".join(parts)
        for payload in b"", b"ping", bytes(range(125)):
            await (await ws.ping(payload))
        await ws.pong(b"nobody asked")
        for i in range(100):
            await ws.send(str(i))
        assert [await ws.recv() for i in range(100)] == [str(i) for i in range(100)]


async def ends():
    for message, code in (b"binary", 1003), ("x" * 65536, 1009), (["x" * 65535, "y"], 1009):
        async with websockets.connect(URL) as ws:
            await ws.send("first")
            await ws.send(message)
            assert await ws.recv() == "first"
            assert await closed(ws) == code, (code, ws.close_code)
    for code in 1000, 1001, 3000, 4999:
        async with websockets.connect(URL) as ws:
            await ws.close(code, "家")
            assert ws.close_code == code


async def main():
    await asyncio.wait_for(echoes(), 60)
    await asyncio.wait_for(ends(), 60)


asyncio.run(main())
