#!/usr/bin/env python3
# harm_wsproto.py PORT: bytes that no client sends, whose answers Python's wsproto reads: each ends
# the connection with its close code, behind the answer to what came before it.  Prints what is wrong
# and exits 1.
import sys
from wsproto_peer import Peer, events


def frame(first, payload, head=None):
    mask = b"\x11\x22\x33\x44"
    return (bytes([first]) + (head or bytes([0x80 | len(payload)])) + mask
            + bytes(c ^ mask[i % 4] for i, c in enumerate(payload)))


HARM = [
    ("reserved bit", frame(0xC1, b"x"), 1002),
    ("reserved opcode", frame(0x83, b"x"), 1002),
    ("reserved control opcode", frame(0x8B, b""), 1002),
    ("no mask", b"\x81\x01x", 1002),
    ("long form of a short length", frame(0x81, b"x", b"\xfe\x00\x01"), 1002),
    ("longest form of a short length", frame(0x81, b"x", b"\xff" + bytes(7) + b"\x01"), 1002),
    ("ping in fragments", frame(0x09, b"x"), 1002),
    ("long ping", frame(0x89, b"x" * 126, b"\xfe\x00\x7e"), 1002),
    ("nothing to continue", frame(0x80, b"x"), 1002),
    ("a message in a message", frame(0x01, b"x") + frame(0x81, b"y"), 1002),
    ("half a close code", frame(0x88, b"\x03"), 1002),
    ("a reserved close code", frame(0x88, b"\x03\xed"), 1002),
    ("no UTF-8", frame(0x81, b"a\xff"), 1007),
    ("half a letter", frame(0x01, "家".encode()[:2]) + frame(0x80, b""), 1007),
    ("a reason that is no UTF-8", frame(0x88, b"\x03\xe8\xff"), 1007),
    ("binary", frame(0x82, b"x"), 1003),
    ("too long", frame(0x81, b"x" * 8, b"\xff\x00\x00\x00\x00\x00\x01\x00\x00"), 1009),
    ("no length", b"\x81\xff\xff", 1002),
]

for what, data, code in HARM:
    p = Peer()
    p.sock.sendall(frame(0x89, b"") + data)
    event = p.next()
    if isinstance(event, events.TextMessage): # the room's greeting
        event = p.next()
    assert isinstance(event, events.Pong), what
    try:
        p.closes(code)
    except AssertionError as e:
        sys.exit("%s: %s" % (what, e))
