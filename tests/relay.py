"""A container engine that can be cut off."""

import socket
import threading
from contextlib import suppress


class Relay:
    """A socket in front of the engine that can be cut like a cable."""

    def __init__(self, path, address):
        self.path = path
        self.address = address
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.open = [self.server]
        self.lock = threading.Lock()
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.address.removeprefix("unix://"))
                with self.lock:
                    if self.is_cut:  # accepted at that very moment
                        near.close()
                        far.close()
                        return
                    self.open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self):
        self.path.unlink(missing_ok=True)
        with self.lock:
            self.is_cut = True
        for one in self.open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Refusal:
    """In place of a relay that was cut: hangs up on whoever asks, and counts them."""

    def __init__(self, path):
        self.path = path
        self.asked = 0
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        threading.Thread(target=self._refuse, daemon=True).start()

    def _refuse(self):
        with suppress(OSError):
            while True:
                self.server.accept()[0].close()
                self.asked += 1

    def end(self):
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
