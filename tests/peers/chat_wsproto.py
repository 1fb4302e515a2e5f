#!/usr/bin/env python3
# chat_wsproto.py PORT: Python's wsproto in the room, as pip: talks until ann says bye.  Prints what
# is wrong and exits 1.
import json
from wsproto_peer import Peer, events


def until(p, **want):
    """Reads events until one that has all of these."""
    while True:
        event = json.loads(p.message())
        if want.items() <= event.items():
            return


p = Peer()
until(p, ev="hello", v=1)
p.send(events.TextMessage('{"do":"login","name":"pip","re":1}'))
until(p, ev="ok", re=1, name="pip")
p.send(events.TextMessage('{"do":"say","text":"hello 家","re":2}'))
until(p, ev="say", who="pip", text="hello 家")
p.send(events.TextMessage("in ", message_finished=False))
p.send(events.Ping(b"alive"))
p.send(events.TextMessage("fragments: 家"))
event = p.next()
assert isinstance(event, events.Pong) and bytes(event.payload) == b"alive", event
until(p, ev="say", who="pip", text="in fragments: 家")
until(p, ev="say", who="ann", text="bye")
p.send(events.CloseConnection(code=1000))
p.closes(1000)
