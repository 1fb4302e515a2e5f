#!/usr/bin/env python3
# chat_websockets.py PORT: Python's websockets in the room, as pip: talks until ann says bye.
# Prints what is wrong and exits 1; exits 77 without the library.
import asyncio, json, sys
try:
    import websockets
except ImportError:
    sys.exit(77)


async def until(ws, **want):
    """Reads events until one that has all of these."""
    while True:
        event = json.loads(await ws.recv())
        if want.items() <= event.items():
            return event


async def main():
    async with websockets.connect("ws://127.0.0.1:%s/chat" % sys.argv[1]) as ws:
        for its in ws, getattr(ws, "protocol", None): # of versions before 13, and since
            assert not getattr(its, "extensions", None), its.extensions
        await until(ws, ev="hello", v=1)
        await ws.send('{"do":"login","name":"pip","re":1}')
        await until(ws, ev="ok", re=1, name="pip")
        await ws.send('{"do":"say","text":"hello 家","re":2}')
        await until(ws, ev="say", who="pip", text="hello 家")
        await ws.send(["in ", "", "fragments: 家"]) # as typed in telnet
        await until(ws, ev="say", who="pip", text="in fragments: 家")
        await (await ws.ping(b"alive"))
        await until(ws, ev="say", who="ann", text="bye")
        await ws.close()
        assert ws.close_code in (1000, 1005), ws.close_code


asyncio.run(asyncio.wait_for(main(), 80))
