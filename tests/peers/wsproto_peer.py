# wsproto_peer.py - a connection of Python's wsproto to the port in the first argument.  Exits 77
# without the library.
import socket, sys
try:
    from wsproto import ConnectionType, WSConnection, events
except ImportError:
    sys.exit(77)


class Peer:
    def __init__(self):
        self.sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.got = []
        self.send(events.Request(host="127.0.0.1", target="/chat"))
        assert isinstance(self.next(), events.AcceptConnection)

    def send(self, event):
        self.sock.sendall(self.ws.send(event))

    def next(self):
        while not self.got:
            data = self.sock.recv(4096)
            self.ws.receive_data(data or None)
            self.got += self.ws.events()
        return self.got.pop(0)

    def message(self):
        text = ""
        while True:
            event = self.next()
            assert isinstance(event, events.TextMessage), event
            text += event.data
            if event.message_finished:
                return text

    def closes(self, code):
        event = self.next()
        assert isinstance(event, events.CloseConnection) and event.code == code, (code, event)
        assert self.sock.recv(1) == b"", "the server ends the connection first"
