#!/usr/bin/env python3
# echo_wsproto.py PORT: Python's wsproto against a server that echoes at most 65535 bytes.  Prints
# what is wrong and exits 1.
from wsproto_peer import Peer, events


def echoes():
    p = Peer()
    for n in 0, 1, 125, 126, 65535:
        p.send(events.TextMessage("x" * n))
        assert p.message() == "x" * n
    p.send(events.TextMessage("one é", message_finished=False))
    p.send(events.Ping(b"between"))
    p.send(events.TextMessage("", message_finished=False))
    p.send(events.TextMessage("two 家", message_finished=True))
    pong = p.next()
    assert isinstance(pong, events.Pong) and bytes(pong.payload) == b"between", pong
    assert p.message() == "one étwo 家"
    p.send(events.TextMessage("begun", message_finished=False))
    p.send(events.CloseConnection(code=4000, reason="bye"))
    p.closes(4000)


echoes()
