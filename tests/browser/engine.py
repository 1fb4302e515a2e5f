"""A redis-server that several rooms share: at an address of its own, so that it meets no other."""
import os
import shutil
import socket
import tempfile

import process


class Engine:
    def __init__(self):
        pid = os.getpid()
        self.address = f"127.129.{pid >> 8 & 255}.{pid & 255}"
        self.port = 20000
        self.folder = tempfile.mkdtemp(prefix="chatroom-browser-redis-")
        # One program under several names: this is the one that Debian's redis-tools has.
        binary = os.path.join(self.folder, "redis-server")
        os.symlink(shutil.which("redis-check-rdb"), binary)
        self.process = process.Process([binary, "--bind", self.address, "--port", str(self.port),
                                        "--dir", self.folder, "--save", "", "--protected-mode", "no"])
        self.url = f"redis://{self.address}:{self.port}"
        process.until(self.answers, self.process.said)

    def answers(self):
        try:
            with socket.create_connection((self.address, self.port), 1) as peer:
                peer.sendall(b"PING\r\n")
                return peer.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def close(self):
        self.process.end()
        shutil.rmtree(self.folder)
