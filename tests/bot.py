#!/usr/bin/env python3
# bot.py ws://HOST:PORT/chat [NAME]: a bot that greets and knows the weather (it makes it up).
# After a broken connection it comes back under its name, and is sent what it has missed.
import asyncio, json, random, sys
import websockets # Debian: python3-websockets

URL, NAME = sys.argv[1], (sys.argv[2:] + ["weather"])[0]
place = {} # kept from one connection to the next: the token of our name, and the last public event's id
heard = set() # private lines: they may come again, and before older public ones


async def answer(do, event):
    if event["ev"] == "join" and event["who"] != NAME:
        await do("say", text="Welcome, %s! Try: /msg %s Paris" % (event["who"], NAME))
    elif event["ev"] == "msg" and event["to"] == NAME and event["id"] not in heard:
        heard.add(event["id"])
        sky = random.choice(["sun", "rain", "snow"])
        await do("msg", to=event["who"], text="In %s there is %s." % (event["text"], sky))


async def talk(ws):
    do = lambda what, **more: ws.send(json.dumps({"do": what, **more}))
    async for message in ws:
        event = json.loads(message)
        if event["ev"] == "hello":
            await do("login", name=NAME, bot=True, re=1, **place)
        elif event["ev"] == "error":
            print(event["text"], flush=True)
            if event.get("re") == 1: # it may not log in
                await ws.close()
        elif "token" in event:
            place["token"] = event["token"]
        elif "id" in event:
            if event["ev"] != "msg":
                place["since"] = event["id"]
            await answer(do, event)


async def main():
    code = 0
    while code not in (1000, 1008, 4001): # it went, was kicked, or is logged in elsewhere
        try:
            async with websockets.connect(URL) as ws:
                await talk(ws)
            code = ws.close_code
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as wrong:
            print(wrong, flush=True)
            code = getattr(wrong, "code", 0)
            await asyncio.sleep(random.uniform(1, 5))


asyncio.run(main())
