"""What the drivers of real clients share: one command line, commands on stdin, JSON events on stdout."""

import argparse
import ctypes
import json
import os
import queue
import re
import signal
import sys
import threading

# Native libraries print what they like on stdout; events have it for themselves.
EVENTS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def clean(value):
    """Bytes that are no UTF-8 reach us as lone surrogates, which JSON readers refuse."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def event(kind, **fields):
    """Prints one event."""
    fields = {name: clean(value) for name, value in fields.items()}
    print(json.dumps({"event": kind, **fields}), file=EVENTS, flush=True)


def die(text):
    """Says why the driver cannot go on, and ends it."""
    event("error", text=text)
    print(text, file=sys.stderr, flush=True)
    leave(1)


def leave(code):
    """Ends the process at once: native libraries may still have threads."""
    EVENTS.flush()
    os._exit(code)


def arguments(about):
    """Reads the command line that all drivers take."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--server", required=True, help="HOST:PORT of the registrar")
    parser.add_argument("--domain", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--auth-user", help="Digest user name; default: --user")
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"], default="udp")
    parser.add_argument("--authority", help="file of certificates that vouch for the server, with --transport tls")
    parser.add_argument("--expires", type=int, default=300)
    parser.add_argument("--local", default="127.0.0.1")
    parser.add_argument("--no-register", action="store_true")
    parser.add_argument("--peers", default="", help="whom this client will write to, for clients that only write to known contacts")
    parser.add_argument("--directory", help="scratch directory of this client")
    parser.add_argument("--trace", help="file for the client's own log")
    args = parser.parse_args()
    args.auth_user = args.auth_user or args.user
    with open(args.password_file, encoding="utf-8") as file:
        args.password = file.read().rstrip("\n")
    return args


def uri(person, domain):
    """`bob`, `bob@host` or a URI, as a URI."""
    if person.startswith(("sip:", "sips:", "tel:")):
        return person
    return f"sip:{person}" if "@" in person else f"sip:{person}@{domain}"


def bare(text):
    """`"Bob" <sip:bob@host;x=y>;tag=1` as `bob@host`."""
    found = re.search(r"sips?:([^;>?\s]+)", text or "")
    return found.group(1) if found else text


def header(message, name):
    """The first header of that name in a whole message."""
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.*?)\r?$", message or "", re.M | re.I)
    return found.group(1) if found else None


def commands(end="quit"):
    """A queue of the lines on stdin; the end of input counts as `end`."""
    lines = queue.Queue()

    def read():
        for line in sys.stdin:
            lines.put(line.rstrip("\n"))
        lines.put(end)

    threading.Thread(target=read, daemon=True).start()
    return lines


def dies_with_us():
    """For `preexec_fn`: however the driver ends, the client does not outlive it."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def waiting(lines):
    """The commands that have come in, without waiting."""
    while True:
        try:
            yield lines.get_nowait()
        except queue.Empty:
            return
