#!/usr/bin/env python3
"""Linphone's daemon driven by lines on stdin, reporting JSON lines on stdout (see README.md)."""

import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time

import driver

PROGRAM = "linphone-daemon"

# Every listening port is chosen by the system, every socket bound to loopback, and no DNS asked:
# the route names an address, so the domain is never looked up.
CONFIGURATION = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port=0
bind_address={local}
use_ipv6=0
guess_hostname=0
contact=<sip:{user}@{local}>
dns_srv_enabled=0
default_proxy=0
[net]
dns_srv_enabled=0
[misc]
version_check_url_root=
[sound]
playback_dev_id=
[auth_info_0]
username={auth_user}
passwd={password}
[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_route=<sip:{server};transport={transport};lr>
reg_identity=<sip:{user}@{domain}>
reg_expires={expires}
reg_sendregister={register}
publish=0
dial_escape_plus=0
"""

SENT = {
    "LinphoneChatMessageStateDelivered": True,
    "LinphoneChatMessageStateNotDelivered": False,
}


class Daemon:
    """The process, and what it says: replies and events, both as `Name: value` lines."""

    def __init__(self, args, directory):
        self.event = None
        self.fields = {}
        self.sending = []
        self.sent = {}
        self.registration = None
        for folder in (".local/share/linphone", ".config/linphone"):
            os.makedirs(os.path.join(directory, folder), exist_ok=True)
        path = os.path.join(directory, "linphonerc")
        with open(path, "w", encoding="utf-8") as file:
            values = dict(vars(args))
            values["udp"] = -1 if args.transport == "udp" else 0
            values["tcp"] = -1 if args.transport == "tcp" else 0
            values["register"] = 0 if args.no_register else 1
            file.write(CONFIGURATION.format(**values))
        log = args.trace or os.path.join(directory, "linphone.log")
        self.process = subprocess.Popen(
            [PROGRAM, "--config", path, "--log", log],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HOME": directory, "PULSE_SERVER": "none", "LC_ALL": "C.UTF-8"},
            cwd=directory,
            preexec_fn=driver.dies_with_us,
        )
        self.ended = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()

    def say(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            self.ended.set()

    def message(self, uri, body):
        self.sending.append((uri, body))
        self.say(f"message {uri} {body}")

    def read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n").removeprefix("daemon-linphone>")
            name, colon, value = line.partition(": ")
            if self.event == "message-received" and "Content" in self.fields:
                self.content(line)
            elif colon and " " not in name:
                self.field(name, value)
        self.ended.set()

    def field(self, name, value):
        if name in ("Event-type", "Status"):
            self.event = value if name == "Event-type" else None
            self.fields = {}
        elif name == "Content" and self.event == "message-received":
            self.fields["Content"] = ""
            self.content(value)
            return
        self.fields[name] = value
        if self.event == "message-state-changed" and name == "State" and value in SENT:
            uri, body = self.sent.pop(self.fields.get("Id"), (None, None))
            driver.event("sent", to=driver.bare(uri), body=body, ok=SENT[value], code=None)
        elif self.event is None and name == "Id" and self.sending and not value.isdigit():
            self.sent[value] = self.sending.pop(0)
        elif self.event is None and name == "Reason" and self.sending:
            uri, body = self.sending.pop(0)
            driver.event("sent", to=driver.bare(uri), body=body, ok=False, code=None, reason=value)
        elif self.event is None and name == "State" and value != self.registration:
            self.registration = value
            if value == "LinphoneRegistrationOk":
                driver.event("registered", code=200)
            elif value == "LinphoneRegistrationFailed":
                driver.event("register_failed", code=None)
            elif value == "LinphoneRegistrationCleared":
                driver.event("unregistered", code=200)

    def content(self, text):
        """A body in quotation marks, which may go on over several lines."""
        held = self.fields["Content"]
        held = text if not held else held + "\n" + text
        self.fields["Content"] = held
        if len(held) > 1 and held.endswith('"'):
            driver.event(
                "message",
                **{"from": driver.bare(self.fields.get("From"))},
                to=driver.bare(self.fields.get("To")),
                content_type="text/plain",
                body=held[1:-1],
                date=None,
                call_id=self.fields.get("Id"),
            )
            self.event = None
            self.fields = {}


def main():
    args = driver.arguments(__doc__)
    if not shutil.which(PROGRAM):
        driver.die(f"{PROGRAM} is missing: apt-get install linphone-cli")
    directory = args.directory or tempfile.mkdtemp(prefix="linphone-agent-")
    daemon = Daemon(args, os.path.abspath(directory))
    driver.event("ready")
    commands = driver.commands()
    asked = 0.0
    while not daemon.ended.is_set():
        # Linphone's daemon has no event for registrations; it has to be asked.
        settled = daemon.registration == "LinphoneRegistrationOk" or args.no_register
        if not settled and time.monotonic() - asked > 0.2:
            asked = time.monotonic()
            daemon.say("register-status ALL")
        try:
            verb, _, rest = commands.get(timeout=0.1).partition(" ")
        except queue.Empty:
            continue
        if verb == "message":
            to, _, body = rest.partition(" ")
            daemon.message(driver.uri(to, args.domain), body)
        elif verb == "quit":
            if "keep" in rest:
                daemon.process.kill()
            daemon.say("quit")
            try:
                daemon.process.wait(5)
            except subprocess.TimeoutExpired:
                daemon.process.kill()
            driver.leave(0)
        else:
            driver.event("error", text=f"unknown command {verb}")
    driver.die(f"{PROGRAM} ended by itself")


if __name__ == "__main__":
    main()
