#!/usr/bin/env python3
"""Baresip driven by lines on stdin, reporting JSON lines on stdout (see README.md)."""

import glob
import io
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading

import driver

PROGRAM = "baresip"

# Baresip 1.0 knows MD5 only and gives up on a SHA-256 challenge even when MD5 stands beside it.
CONFIGURATION = """\
poll_method epoll
net_interface {local}
sip_listen {local}:0
module_path {modules}
module stdio.so
module_app account.so
module_app contact.so
module_app menu.so
"""
ACCOUNT = (
    "<sip:{user}@{domain};transport={transport}>;auth_user={auth_user};auth_pass={password}"
    ';outbound="sip:{server};transport={transport}";regint={expires}\n'
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PACKET = re.compile(r"^(?:UDP|TCP|TLS) (\S+) -> (\S+)$")


class Baresip:
    """The process; its screen and its packet trace share one output."""

    def __init__(self, args, directory):
        self.contacts = [driver.uri(peer, args.domain) for peer in args.peers.split(",") if peer]
        self.current = queue.Queue()
        self.sending = []
        self.sent = {}
        self.challenged = set()
        self.packet = None
        self.said = None
        self.server = args.server
        modules = glob.glob("/usr/lib/baresip/modules") + glob.glob("/usr/lib/*/baresip/modules")
        values = {**vars(args), "modules": modules[0] if modules else "/usr/lib/baresip/modules"}
        if args.no_register:
            values["expires"] = 0
        files = {
            "config": CONFIGURATION.format(**values),
            "accounts": ACCOUNT.format(**values),
            "contacts": "".join(f'"{n}" <{uri}>\n' for n, uri in enumerate(self.contacts)),
        }
        for name, text in files.items():
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.trace = open(args.trace, "w", encoding="utf-8") if args.trace else None
        self.process = subprocess.Popen(
            [PROGRAM, "-4", "-s", "-f", directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": directory},
            preexec_fn=driver.dies_with_us,
        )
        # A lone carriage return is part of a line here, so no universal newlines.
        out = self.process.stdout
        self.output = io.TextIOWrapper(out, encoding="utf-8", errors="replace", newline="\n")
        self.ended = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()

    def say(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            self.ended.set()

    def message(self, uri, body):
        """Baresip sends to its current contact: walk there, and look where we are."""
        if uri not in self.contacts:
            driver.event("error", text=f"{uri} is not among --peers")
            return
        steps = ["/contact_prev"] * len(self.contacts)
        steps += ["/contact_next"] * self.contacts.index(uri)
        at = None
        for step in steps:
            self.say(step)
            at = self.current.get(timeout=5)
        if at != uri:
            driver.event("error", text=f"the current contact is {at}, not {uri}")
            return
        self.sending.append((uri, body))
        self.say(f"/message {body}")

    def read(self):
        for line in self.output:
            if self.trace:
                self.trace.write(line)
                self.trace.flush()
            plain = COLOUR.sub("", line.rstrip("\n").rstrip("\r"))
            packet = PACKET.match(plain)
            if packet:
                self.packet = {"from": packet.group(1), "to": packet.group(2), "body": False}
                continue
            if self.packet is not None and not self.packet["body"]:
                self.header(plain)
                continue
            if "\x1b[;m" in line:
                # The end of a packet's body; what stands before the colour is not the screen.
                self.packet = None
                continue
            self.screen(plain.rsplit("\r", 1)[-1])
        self.ended.set()

    def header(self, line):
        packet = self.packet
        if "start" not in packet:
            packet["start"] = line
        elif line:
            name, _, value = line.partition(":")
            packet.setdefault(name.strip().lower(), value.strip())
        else:
            packet["body"] = True
            if packet.get("content-length", "0") == "0":
                self.packet = None
            self.whole(packet)

    def whole(self, packet):
        call, method = packet.get("call-id"), packet.get("cseq", "").partition(" ")[2]
        start = packet["start"]
        if start.startswith("MESSAGE "):
            if call not in self.sent and self.sending and packet["to"] == self.server:
                self.sent[call] = self.sending.pop(0)
            return
        if not start.startswith("SIP/2.0 ") or method not in ("MESSAGE", "REGISTER"):
            return
        code, reason = int(start.split()[1]), start.split(" ", 2)[2]
        if code < 200:
            return
        # The first challenge is part of the way; a second one is an answer.
        if code in (401, 407) and call not in self.challenged:
            self.challenged.add(call)
            return
        self.challenged.discard(call)
        if method == "MESSAGE" and call in self.sent:
            uri, body = self.sent.pop(call)
            ok = code // 100 == 2
            driver.event("sent", to=driver.bare(uri), body=body, ok=ok, code=code, reason=reason)
        elif method == "REGISTER":
            if code // 100 == 2:
                driver.event("registered", code=code)
            else:
                driver.event("register_failed", code=code, reason=reason)

    def screen(self, line):
        found = re.match(r"^Current contact: .*<(.*)>$", line)
        if found:
            self.current.put(found.group(1))
        elif "baresip is ready" in line:
            driver.event("ready")
        elif found := re.match(r'^(sips?:\S+): "(.*)$', line):
            self.said = [found.group(1), found.group(2)]
            self.spoken()
        elif self.said:
            self.said[1] += "\n" + line
            self.spoken()
        elif "reg:" in line or "authentication" in line.lower():
            driver.event("note", text=line)

    def spoken(self):
        """A message on the screen, in quotation marks, maybe over several lines."""
        sender, body = self.said
        if body.endswith('"'):
            self.said = None
            driver.event(
                "message",
                **{"from": driver.bare(sender)},
                to=None,
                content_type="text/plain",
                body=body[:-1],
                date=None,
                call_id=None,
            )


def main():
    args = driver.arguments(__doc__)
    if not shutil.which(PROGRAM):
        driver.die(f"{PROGRAM} is missing: apt-get install baresip-core")
    directory = args.directory or tempfile.mkdtemp(prefix="baresip-agent-")
    os.makedirs(directory, exist_ok=True)
    client = Baresip(args, os.path.abspath(directory))
    commands = driver.commands()
    while not client.ended.is_set():
        try:
            verb, _, rest = commands.get(timeout=0.1).partition(" ")
        except queue.Empty:
            continue
        if verb == "message":
            to, _, body = rest.partition(" ")
            client.message(driver.uri(to, args.domain), body)
        elif verb == "quit":
            if "keep" in rest:
                client.process.kill()
            client.say("/quit")
            try:
                client.process.wait(5)
            except subprocess.TimeoutExpired:
                client.process.kill()
            driver.leave(0)
        else:
            driver.event("error", text=f"unknown command {verb}")
    driver.die(f"{PROGRAM} ended by itself")


if __name__ == "__main__":
    main()
