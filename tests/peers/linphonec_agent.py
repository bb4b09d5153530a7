#!/usr/bin/env python3
"""Linphone's console client, for its friends' presence, reporting JSON lines on stdout (see README.md)."""

import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading

import driver
import linphone_agent

PROGRAM = "linphonec"

FRIEND = """\
[friend_{number}]
url="{who}" <sip:{who}@{domain}>
pol=accept
subscribe=1
"""

# What Linphone makes of a document: the basic status and the activity together.
SHOWN = re.compile(r'Friend .*<sip:([^>;]+)[^>]*> is (\w+)')


def configuration(args):
    values = dict(vars(args))
    values["udp"] = -1 if args.transport == "udp" else 0
    values["tcp"] = -1 if args.transport == "tcp" else 0
    values["register"] = 0 if args.no_register else 1
    text = linphone_agent.CONFIGURATION.format(**values)
    friends = [who for who in args.peers.split(",") if who]
    return text + "".join(
        FRIEND.format(number=number, who=who, domain=args.domain)
        for number, who in enumerate(friends)
    )


def main():
    args = driver.arguments(__doc__)
    if not shutil.which(PROGRAM):
        driver.die(f"{PROGRAM} is missing: apt-get install linphone-cli")
    directory = os.path.abspath(args.directory or tempfile.mkdtemp(prefix="linphonec-agent-"))
    for folder in (".local/share/linphone", ".config/linphone"):
        os.makedirs(os.path.join(directory, folder), exist_ok=True)
    path = os.path.join(directory, "linphonerc")
    with open(path, "w", encoding="utf-8") as file:
        file.write(configuration(args))
    log = args.trace or os.path.join(directory, "linphone.log")
    process = subprocess.Popen(
        ["stdbuf", "-oL", PROGRAM, "-c", path, "-d", "6", "-l", log],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "HOME": directory, "PULSE_SERVER": "none", "LC_ALL": "C.UTF-8"},
        cwd=directory,
        preexec_fn=driver.dies_with_us,
    )
    ended = threading.Event()

    def read():
        for line in process.stdout:
            shown = SHOWN.search(line)
            if shown:
                driver.event("presence", of=shown.group(1), shown=shown.group(2))
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    driver.event("ready")
    commands = driver.commands()
    while not ended.is_set():
        try:
            verb = commands.get(timeout=0.1)
        except queue.Empty:
            continue
        if verb.startswith("quit"):
            process.kill()
            driver.leave(0)
        driver.event("error", text=f"unknown command {verb}")
    driver.die(f"{PROGRAM} ended by itself")


if __name__ == "__main__":
    main()
