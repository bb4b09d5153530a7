"""The MSRP part of tests/bench/run: files, lines, the price of reports, and patience of a chat.

Each end is a process of its own (tests/bench/msrp), so that the kernel counts what it cost. A run is
one file so many times over one connection, each time into a new file and only when the one before was
confirmed, so that a run of any size takes about half a second. Every run of MSRP has one of the plain
copy beside it: the same file, as many times, over a connection made the same way.
"""
import filecmp
import json
import os
import statistics
import subprocess
from pathlib import Path

# The paper's three sizes, and how many times each is sent in a run.
SIZES = {1_219_974: 400, 16_742_799: 30, 243_809_310: 3}
LARGEST = max(SIZES)
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

    def same(self, size, name, count):
        """Each of the files that came is the one that was sent; then they go."""
        for number in range(1, count + 1):
            came = self.work / f"{name}{number}"
            if not filecmp.cmp(self.files[size], came, shallow=False):
                raise RuntimeError(f"{came} is not what was sent")
            came.unlink()

    def plain(self, size, tls, count):
        kind = "tls" if tls else "plain"
        line = pair(self.binary, [f"{kind}-receive", self.work],
                    lambda port: [f"{kind}-send", port, self.files[size], count])
        self.same(size, "copied", count)
        return line

    def msrp(self, size, tls, count, reports="end"):
        words = [*(["tls"] if tls else []), reports]
        line = pair(self.binary, ["receive", self.work, *words],
                    lambda path: ["send", path, self.files[size], count, *words])
        if size > 64 * 1024:
            self.same(size, "received", count)
        return line

    def transfers(self):
        for tls in (False, True):
            transport = "tls" if tls else "tcp"
            idle = self.msrp(1, tls, 1)
            for size, count in SIZES.items():
                for number in range(self.rounds):
                    # Neither is always the first.
                    if number % 2:
                        ours, plain = self.msrp(size, tls, count), self.plain(size, tls, count)
                    else:
                        plain, ours = self.plain(size, tls, count), self.msrp(size, tls, count)
                    growth = max(ours[key] - idle[key] for key in ("peak_kib", "receiver_peak_kib"))
                    gigabytes = size * count / 1e9
                    self.tell(dict(test="msrp", transport=transport, bytes=size, transfers=count,
                                   round=number, seconds=ours["seconds"],
                                   plain_seconds=plain["seconds"],
                                   ratio=round(plain["seconds"] / ours["seconds"], 3),
                                   first=ours["first"], plain_first=plain["first"],
                                   cpu_per_gb=round(ours["cpu"] / gigabytes, 3),
                                   plain_cpu_per_gb=round(plain["cpu"] / gigabytes, 3),
                                   growth_kib=growth))

    def reports(self):
        """CPU of both ends with and without reports: small differences, so many rounds, in which each
        kind comes first, second and third in turn."""
        kinds = ["off", "end", "1"]
        for number in range(4 * self.rounds):
            for reports in kinds:
                line = self.msrp(LARGEST, False, SIZES[LARGEST], reports)
                self.tell(dict(test="msrp-reports", reports=reports, round=number,
                               count=line["reports"], seconds=line["seconds"],
                               cpu=round(line["cpu"], 4)))
            kinds.append(kinds.pop(0))

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
        head("MSRP, file to file with success reports", "transport", "bytes", "transfers a run",
             "seconds a run", "plain copies", "of their throughput", "spread", "plain: spread",
             "first transfer, ms", "plain: first, ms", "CPU s a GB", "plain: CPU s a GB",
             "memory growth, KiB")
        for transport in ("tcp", "tls"):
            for size in SIZES:
                of = [line for line in files
                      if (line["transport"], line["bytes"]) == (transport, size)]
                if of:
                    every = {key: [line[key] for line in of] for key in of[0]}
                    middle = {key: median(every[key]) for key in every if key != "transport"}
                    row(transport, size, of[0]["transfers"], f"{middle['seconds']:.3f}",
                        f"{middle['plain_seconds']:.3f}",
                        f"{middle['plain_seconds'] / middle['seconds']:.2f}",
                        f"{spread(every['seconds']):.2f}", f"{spread(every['plain_seconds']):.2f}",
                        f"{middle['first'] * 1000:.1f}", f"{middle['plain_first'] * 1000:.1f}",
                        f"{middle['cpu_per_gb']:.2f}", f"{middle['plain_cpu_per_gb']:.2f}",
                        max(every["growth_kib"]))
    prices = [line for line in lines if line["test"] == "msrp-reports"]
    if prices:
        head(f"The price of success reports, {LARGEST} bytes {SIZES[LARGEST]} times", "reports",
             "how many", "CPU seconds", "beside off, in the same round", "of the rounds the middle half")
        cpu = {(line["reports"], line["round"]): line["cpu"] for line in prices}
        for kind, name in (("off", "off"), ("end", "at the end"), ("1", "every 1 %")):
            of = [line for line in prices if line["reports"] == kind]
            shares = [(cpu[kind, line["round"]] / cpu["off", line["round"]] - 1) * 100 for line in of]
            low, middle, high = statistics.quantiles(shares, n=4, method="inclusive")
            row(name, of[0]["count"], f"{median(line['cpu'] for line in of):.3f}",
                f"{middle:+.1f} %", f"{low:+.1f} to {high:+.1f} %")
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
