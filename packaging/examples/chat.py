#!/usr/bin/env python3
"""A chat between two programs: one listens and prints its path, the other connects to that path.

  chat.py LIBRARY listen  [--text TEXT]... [--file FILE]... [--save DIRECTORY] [--count MESSAGES]
  chat.py LIBRARY connect PATH ...

The same as chat.c, through ctypes. LIBRARY is libtagus.so, as `cargo rustc --release --lib
--crate-type cdylib --no-default-features --features ffi` makes it.
"""
import argparse
import ctypes
import os
import sys
from ctypes import POINTER, byref, c_bool, c_char_p, c_int64, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p

OFFERED, OPENED, NOT_OPENED, MESSAGE, INCOMING, RECEIVED, NOT_RECEIVED = range(1, 8)
PROGRESS, SENT, ANSWERED, REPORTED, NOT_SENT, SEND_OVER, ALIVE, SESSION_FAILED, CLOSED = range(8, 17)


class How(ctypes.Structure):
    """TagusMsrpHow."""

    _fields_ = [
        ("report", c_uint32),
        ("priority", c_uint32),
        ("progress_bytes", c_uint64),
        ("progress_percent", c_uint32),
        ("disposition", c_char_p),
    ]


def load(path):
    """The library, with the types of what is used here."""
    library = ctypes.CDLL(path)
    calls = {
        "peer_new": [c_char_p, c_char_p, c_char_p, c_char_p, POINTER(c_uint64)],
        "peer_free": [c_uint64],
        "listen": [c_uint64, c_char_p, c_uint32, POINTER(c_uint16)],
        "offer": [c_uint64, c_uint32, POINTER(c_uint64)],
        "connect": [c_uint64, c_uint64, c_char_p, c_char_p],
        "wait": [c_uint64, c_uint64, c_char_p, c_char_p],
        "send_text": [c_uint64, c_uint64, c_char_p, POINTER(How), POINTER(c_uint64)],
        "send_file": [c_uint64, c_uint64, c_char_p, c_char_p, c_char_p, POINTER(How), POINTER(c_uint64)],
        "accept_file": [c_uint64, c_uint64, c_char_p],
        "close": [c_uint64, c_uint64],
        "next_event": [c_uint64, c_int64, POINTER(c_void_p)],
    }
    parts = {
        "kind": ctypes.c_int, "message": c_uint64, "bytes": c_uint64, "total": c_uint64,
        "whole": c_bool, "data": c_void_p, "data_length": c_size_t, "text": c_char_p,
        "content_type": c_char_p, "free": None,
    }
    library.tagus_msrp_last_error.restype = c_char_p
    for name, arguments in calls.items():
        getattr(library, f"tagus_msrp_{name}").argtypes = arguments
    for name, result in parts.items():
        function = getattr(library, f"tagus_msrp_event_{name}")
        function.argtypes, function.restype = [c_void_p], result
    return library


class Peer:
    """Calls that fail raise what the library says."""

    def __init__(self, library):
        self.library = library
        self.number = c_uint64()
        self.call("peer_new", b"127.0.0.1", None, None, None, byref(self.number), of=())

    def call(self, name, *arguments, of=None):
        of = (self.number,) if of is None else of
        if getattr(self.library, f"tagus_msrp_{name}")(*of, *arguments) != 0:
            raise RuntimeError(f"{name}: {self.library.tagus_msrp_last_error().decode()}")

    def events(self):
        """Yields functions that read parts of an event, as long as that is the last one."""
        while True:
            event = c_void_p()
            self.call("next_event", -1, byref(event))
            yield lambda part: getattr(self.library, f"tagus_msrp_event_{part}")(event)
            self.library.tagus_msrp_event_free(event)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("role", choices=["listen", "connect"])
    parser.add_argument("path", nargs="?")
    parser.add_argument("--text", action="append", default=[])
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("--save", default=".")
    parser.add_argument("--count", type=int, default=0)
    options = parser.parse_args()

    peer, session = Peer(load(options.library)), c_uint64()
    if options.role == "listen":
        peer.call("listen", b"127.0.0.1:0", 0, None)
    peer.call("offer", 0, byref(session))
    arrived = confirmed = saved = 0
    everything = len(options.text) + len(options.file)
    closing = False

    def target():
        # What a peer calls its file is no name to write to: ours are counted.
        return os.path.join(options.save, f"received-{saved}")

    for event in peer.events():
        kind = event("kind")
        if kind == OFFERED and options.role == "connect":
            peer.call("connect", session, options.path.encode(), None)
        elif kind == OFFERED:
            peer.call("wait", session, None, None)
            print("path:", event("text").decode(), flush=True)
        elif kind == OPENED:
            for text in options.text:
                how = How(report=1, priority=1)
                peer.call("send_text", session, text.encode(), byref(how), None)
            for file in options.file:
                name = os.path.basename(file)
                how = How(report=1, priority=2, progress_percent=25,
                          disposition=f'attachment; filename="{name}"'.encode())
                media = b"application/octet-stream"
                peer.call("send_file", session, media, file.encode(), None, byref(how), None)
        elif kind == MESSAGE:
            arrived += 1
            data = ctypes.string_at(event("data"), event("data_length"))
            if event("content_type").startswith(b"text/"):
                print("text:", data.decode(), flush=True)
            else:
                saved += 1
                with open(target(), "xb") as out:
                    out.write(data)
                print("saved:", target(), flush=True)
        elif kind == INCOMING:
            saved += 1
            print(f"file: {target()} of {event('total')} bytes", flush=True)
            peer.call("accept_file", event("message"), target().encode())
        elif kind == RECEIVED:
            arrived += 1
            print(f"saved: {event('total')} bytes", flush=True)
        elif kind == PROGRESS:
            print(f"progress: {event('bytes')} of {event('total')}", flush=True)
        elif kind == REPORTED and event("whole"):
            confirmed += 1
            print(f"confirmed: {event('bytes')} bytes", flush=True)
        elif kind in (NOT_OPENED, NOT_SENT, NOT_RECEIVED):
            sys.exit(f"failed: {event('text').decode()}")
        elif kind == CLOSED:
            print("closed", flush=True)
            break
        done = arrived >= options.count and confirmed == everything
        if options.role == "connect" and done and not closing:
            closing = True
            peer.call("close", session)
    peer.call("peer_free")
    if options.role == "listen" and not (arrived >= options.count and confirmed == everything):
        sys.exit("the peer left too early")


if __name__ == "__main__":
    main()
