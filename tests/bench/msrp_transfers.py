"""The MSRP part of tests/bench/run: files, lines, the price of reports, and patience of a chat.

Each end is a process of its own (tests/bench/msrp), so that the kernel counts what it cost. Every MSRP
transfer has a plain copy of the same file beside it, in the same round.
"""
import filecmp
import json
import os
import statistics
import subprocess
from pathlib import Path

# The paper's three sizes.
SIZES = [1_219_974, 16_742_799, 243_809_310]
LINES = 300_000
CHAT_LINES = 300


def build(root):
    """Builds the ends, and says where the program is."""
    command = ["cargo", "bench", "--profile", "dist", "--no-default-features", "--features", "msrp",
               "--bench", "msrp_ends", "--no-run", "--quiet", "--message-format=json"]
    out = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = [line["executable"] for line in map(json.loads, out.splitlines())
             if line.get("target", {}).get("name") == "msrp_ends" and line.get("executable")]
    return found[-1]


class End:
    """A process whose cost is counted."""

    def __init__(self, binary, *words):
        self.process = subprocess.Popen([binary, *map(str, words)], stdout=subprocess.PIPE, text=True)

    def line(self):
        return self.process.stdout.readline().strip()

    def finish(self):
        """Waits; what it printed, and CPU seconds."""
        rest = self.process.stdout.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            raise RuntimeError(f"{self.process.args} ended with {self.process.returncode}")
        return rest, usage.ru_utime + usage.ru_stime


def pair(binary, receiver, sender):
    """Runs both ends; `sender` is given what the receiver printed first."""
    receiving = End(binary, *receiver)
    sending = End(binary, *sender(receiving.line()))
    out, cpu = sending.finish()
    told, receiver_cpu = receiving.finish()
    line = json.loads(out.splitlines()[-1])
    line.update(cpu=cpu + receiver_cpu)
    if told:
        line["receiver_peak_kib"] = json.loads(told.splitlines()[-1])["peak_kib"]
    return line


class Bench:
    def __init__(self, binary, work, rounds, tell):
        self.binary, self.work, self.rounds, self.tell = binary, Path(work), rounds, tell
        self.work.mkdir(parents=True, exist_ok=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-keyout", self.work / "key.pem", "-out", self.work / "cert.pem",
                        "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext",
                        "basicConstraints=critical,CA:FALSE"],
                       check=True, stderr=subprocess.DEVNULL)
        self.files = {}
        for size in [1, *SIZES]:
            path = self.work / f"file{size}"
            path.write_bytes(os.urandom(size))
            self.files[size] = path

    def same(self, size, name):
        if not filecmp.cmp(self.files[size], self.work / name, shallow=False):
            raise RuntimeError(f"{name} is not what was sent")
        (self.work / name).unlink()

    def plain(self, size, tls):
        where = [self.work] if tls else []
        kind = "tls" if tls else "plain"
        line = pair(self.binary, [f"{kind}-receive", self.work / "copied", *where],
                    lambda port: [f"{kind}-send", port, self.files[size], *where])
        self.same(size, "copied")
        return line

    def msrp(self, size, tls, reports="end"):
        words = [*(["tls"] if tls else []), reports]
        line = pair(self.binary, ["receive", self.work, *words],
                    lambda path: ["send", path, self.files[size], *words])
        if size > 64 * 1024:
            self.same(size, "received1")
        return line

    def transfers(self):
        for tls in (False, True):
            transport = "tls" if tls else "tcp"
            idle = self.msrp(1, tls)
            for size in SIZES:
                for number in range(self.rounds):
                    plain, ours = self.plain(size, tls), self.msrp(size, tls)
                    growth = max(ours[key] - idle[key] for key in ("peak_kib", "receiver_peak_kib"))
                    self.tell(dict(test="msrp", transport=transport, bytes=size, round=number,
                                   seconds=ours["seconds"], plain_seconds=plain["seconds"],
                                   ratio=round(plain["seconds"] / ours["seconds"], 3),
                                   cpu_per_gb=round(ours["cpu"] * 1e9 / size, 3),
                                   plain_cpu_per_gb=round(plain["cpu"] * 1e9 / size, 3),
                                   growth_kib=growth))

    def reports(self):
        size = SIZES[-1]
        for number in range(self.rounds):
            for reports in ("off", "end", "1"):
                line = self.msrp(size, False, reports)
                self.tell(dict(test="msrp-reports", reports=reports, round=number,
                               count=line["reports"], seconds=line["seconds"], cpu=line["cpu"]))

    def lines(self):
        for number in range(self.rounds):
            line = pair(self.binary, ["receive", self.work], lambda path: ["lines", path, LINES])
            if line["answered"] != LINES:
                raise RuntimeError(f"{LINES - line['answered']} lines were not answered")
            self.tell(dict(test="msrp-lines", round=number,
                           per_second=round(LINES / line["seconds"]),
                           cpu_us=round(line["cpu"] * 1e6 / LINES, 2)))

    def chat(self):
        """Lines between two files of 100 MB."""
        large = self.work / "large"
        large.write_bytes(os.urandom(100_000_000))
        receiving = End(self.binary, "receive", self.work)
        sending = End(self.binary, "chat", receiving.line(), large, CHAT_LINES)
        out, _ = sending.finish()
        receiving.finish()
        for path in self.work.glob("received*"):
            path.unlink()
        self.tell(dict(test="msrp-chat", **json.loads(out.splitlines()[-1])))

    def run(self):
        self.transfers()
        self.reports()
        self.lines()
        self.chat()


def spread(values):
    return (max(values) - min(values)) / min(values)


def table(lines, head, row):
    """Markdown, by the helpers of `table`."""
    median = statistics.median
    files = [line for line in lines if line["test"] == "msrp"]
    if files:
        head("MSRP, file to file with a success report", "transport", "bytes", "seconds",
             "plain copy", "of its throughput", "spread", "CPU s a GB", "plain: CPU s a GB",
             "memory growth, KiB")
        for transport in ("tcp", "tls"):
            for size in SIZES:
                of = [line for line in files
                      if (line["transport"], line["bytes"]) == (transport, size)]
                if of:
                    seconds = [line["seconds"] for line in of]
                    plain = [line["plain_seconds"] for line in of]
                    row(transport, size, f"{median(seconds):.4f}", f"{median(plain):.4f}",
                        f"{median(plain) / median(seconds):.2f}", f"{spread(seconds):.2f}",
                        f"{median(line['cpu_per_gb'] for line in of):.2f}",
                        f"{median(line['plain_cpu_per_gb'] for line in of):.2f}",
                        max(line["growth_kib"] for line in of))
    prices = [line for line in lines if line["test"] == "msrp-reports"]
    if prices:
        head("The price of success reports, 243,809,310 bytes", "reports", "how many",
             "CPU seconds", "beside off")
        off = median(line["cpu"] for line in prices if line["reports"] == "off")
        for kind, name in (("off", "off"), ("end", "at the end"), ("1", "every 1 %")):
            of = [line for line in prices if line["reports"] == kind]
            cpu = median(line["cpu"] for line in of)
            row(name, of[0]["count"], f"{cpu:.3f}", f"{(cpu / off - 1) * 100:+.1f} %")
    rates = [line for line in lines if line["test"] == "msrp-lines"]
    if rates:
        head("Short messages of 100 bytes on one connection, each answered", "a second",
             "CPU us each, both ends")
        row(f"{median(line['per_second'] for line in rates):.0f}",
            f"{median(line['cpu_us'] for line in rates):.2f}")
    for line in lines:
        if line["test"] == "msrp-chat":
            head("A chat line while two files of 100 MB go on its connection", "lines", "p50, ms",
                 "p99, ms", "longest, ms")
            row(line["lines"], *(f"{line[key] / 1000:.2f}" for key in ("p50_us", "p99_us", "max_us")))
