"""The console part of tests/bench/run: its pages, over the web listener, at the size of a large campus.

Half of the people are accounts, half are of a directory (slapd, started here). Pages are asked for in
turn, a round of all of them after the other, by one browser that is signed in and keeps its connection,
so that whatever else the machine does meets all of them. What the server itself worked is counted by
the kernel, thread by thread. Then people leave as CSV, while the server's memory is looked at; and
messages are sent without and with somebody who watches the dashboard and turns pages.
"""
import base64
import hashlib
import http.client
import json
import re
import socket
import statistics
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

NAMES = ["Ana Gonçalves", "Rui Sá", "Inês Conceição", "João Araújo", "Zoë Müller"]
CLASSES = 100
PASSWORD = "four words that nobody else has"
# What bounds a page and a search, in milliseconds, and a page in bytes.
PAGE, SEARCH, BYTES = 100, 50, 60_000


def full_name(number):
    return f"{NAMES[number % len(NAMES)]} {number:05}"


class Directory:
    """slapd with people u00000 on, and groups of them."""

    def __init__(self, work, here, port, people):
        self.run, self.port = work / "console-directory", port
        (self.run / "ldap").mkdir(parents=True)
        conf = (here / "kamailio/slapd.conf.in").read_text().replace("@RUN@", str(self.run))
        (self.run / "slapd.conf").write_text(conf)
        with open(self.run / "people.ldif", "w") as out:
            self.fill(out, people)
        subprocess.run(["slapadd", "-q", "-f", self.run / "slapd.conf", "-l",
                        self.run / "people.ldif"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen(["slapd", "-d", "0", "-f", self.run / "slapd.conf", "-h",
                                         f"ldap://127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError("slapd did not start")
                time.sleep(0.05)

    @staticmethod
    def fill(out, people):
        base = "dc=campus,dc=test"
        out.write(f"dn: {base}\nobjectClass: dcObject\nobjectClass: organization\ndc: campus\n"
                  f"o: Campus\n\ndn: cn=sipproxy,{base}\nobjectClass: organizationalRole\n"
                  "objectClass: simpleSecurityObject\ncn: sipproxy\nuserPassword: proxy-secret\n\n"
                  f"dn: ou=people,{base}\nobjectClass: organizationalUnit\nou: people\n\n"
                  f"dn: ou=groups,{base}\nobjectClass: organizationalUnit\nou: groups\n\n")
        for number in range(people):
            name = base64.b64encode(full_name(number).encode()).decode()
            user = f"u{number:05}"
            ha1 = hashlib.md5(f"{user}:campus.test:pw{number:05}".encode()).hexdigest()
            out.write(f"dn: uid={user},ou=people,{base}\nobjectClass: inetOrgPerson\n"
                      f"objectClass: sipAccount\nuid: {user}\ncn:: {name}\nsn: {number}\n"
                      f"mail: {user}@campus.test\ntelephoneNumber: 239{number:06}\nsipHA1: {ha1}\n\n")
        for group in range(min(CLASSES, people)):
            members = "".join(f"member: uid=u{number:05},ou=people,{base}\n"
                              for number in range(group, people, CLASSES))
            out.write(f"dn: cn=class-{group},ou=groups,{base}\nobjectClass: groupOfNames\n"
                      f"cn: class-{group}\n{members}\n")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Control:
    """The control socket."""

    def __init__(self, data):
        self.path = str(Path(data) / "tagus.sock")

    def call(self, request):
        # The server does not wait long for another request.
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(self.path)
            stream.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(stream.makefile().readline())
        if "ok" not in answer:
            raise RuntimeError(f"{str(request)[:200]}: {answer}")
        return answer["ok"]


class Browser:
    """Signed in as an owner; one connection that is kept."""

    def __init__(self, port):
        self.port, self.cookie, self.token = port, "", ""
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.headers = {"Host": "localhost", "Accept": "text/html",
                        "Sec-Fetch-Site": "same-origin"}

    def ask(self, path, body=None):
        """Status and text."""
        headers = dict(self.headers)
        if self.cookie and "Authorization" not in headers:
            headers["Cookie"] = f"tagus={self.cookie}"
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(dict(token=self.token, **body))
        self.connection.request("GET" if body is None else "POST", path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            if cookie.startswith("tagus="):
                self.cookie = cookie.split("=", 1)[1].split(";")[0]
        found = re.search(rb'name="token" value="([^"]*)"', text)
        if found:
            self.token = found[1].decode()
        return answer.status, text

    def sign_in(self):
        self.ask("/admin/sign-in")
        status, text = self.ask("/admin/sign-in", dict(name="ana", password=PASSWORD))
        if status != 303 or self.ask("/admin")[0] != 200:
            raise RuntimeError(f"nobody is signed in: {status} {text[:2000]}")


def worked(pid):
    """Seconds of CPU of all threads, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


class Watch:
    """The most memory that a process held meanwhile."""

    def __init__(self, pid):
        self.pid, self.most, self.ends = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.ends.wait(0.005):
            self.most = max(self.most, resident_kib(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()


def fill(bench, server, plan, control):
    """Accounts, people of the directory, a long trail, registrations, messages that wait."""
    people = plan["console_people"]
    local = people // 2
    began = time.monotonic()
    rows = ["user,name,mail,number,groups,password"]
    for number in range(local):
        groups = f"class-{number % CLASSES}" + (" evening" if number >= local * 4 // 5 else "")
        rows.append(f"p{number:05},{full_name(number)},p{number:05}@campus.test,238{number:06},"
                    f"{groups},secret{number:05}")
    control.call({"user_import": {"csv": "\n".join(rows), "existing": "fail", "dry_run": False}})
    imported = time.monotonic() - began
    # One line of the trail each: locked out and let in again, until it is long enough.
    began, deeds, written = time.monotonic(), ["disable", "enable"], 0
    names = [f"p{number:05}" for number in range(local)]
    while written < plan["console_lines"]:
        some = names[:plan["console_lines"] - written]
        job(control, deeds[0], some)
        job(control, deeds[1], some)
        written += 2 * len(some)
    noted = time.monotonic() - began
    job(control, "disable", names[-local // 50:])
    registered = local * 2 // 5
    bench.load(server, "register", dict(test="console-fill"), warm=True, count=registered,
               transport="udp", rate=100, duration="1s", user_pattern="p{:05}", expires=3600,
               password_pattern="secret{:05}")
    control.call({"notice": {"send": dict(application=None, to=[], group="evening", ttl=86_400,
                                          text="The library closes at six today.")}})
    bench.tell(dict(test="console-fill", people=people, local=local, registered=registered,
                    import_seconds=round(imported, 1), lines=written,
                    lines_seconds=round(noted, 1)))


def job(control, deed, users):
    """A deed with many people, to its end."""
    request = {"jobs": {"people": {"deed": deed, "whom": {"named": users}}}}
    view = control.call(request)["job"]
    while view["state"] == "running":
        time.sleep(0.1)
        view = control.call({"jobs": {"show": {"job": view["id"]}}})["job"]
    if view["state"] != "done":
        raise RuntimeError(f"{deed}: {view}")


def walk(browser):
    """Everybody, 200 at a time; how many pages, how many people, and where pages begin."""
    path, began, places, seen = "/admin/people?limit=200", time.monotonic(), [], 0
    while path:
        _, text = browser.ask(path)
        seen += text.count(b"<tr>") - 1
        places.append(path)
        found = re.search(rb'href="(/admin/people\?[^"]*after=[^"]*)"', text)
        path = found[1].decode().replace("&#38;", "&").replace("&amp;", "&") if found else None
    return places, seen, time.monotonic() - began


def pages(plan, places):
    """What is asked for: what it is, its path, and what bounds it."""
    local = plan["console_people"] // 2
    lines = plan["console_lines"]

    def find(what, query, bound=SEARCH):
        return (what, f"/admin/people?{query}", bound)

    return [
        ("people", "/admin/people", PAGE),
        find("people, 200 a page", "limit=200", PAGE),
        ("people, 200 a page, in the middle", places[len(places) // 2], PAGE),
        ("people, 200 a page, the last one", places[-1], PAGE),
        find("search: one person", f"q=p{local - 1:05}"),
        find("search: nobody", "q=xyzzy"),
        find("search: a fifth, without accents", "q=conceicao"),
        find("search: a fifth, with accents", "q=CONCEI%C3%87%C3%83O"),
        find("search: two words", "q=ines+conc"),
        find("search: one letter", "q=i"),
        find("search: a letter that everybody has", "q=c&limit=200"),
        find("search: a number", "q=239+000+123"),
        find("search: the end of a number", "q=123"),
        find("search: 256 letters", "q=" + "ab" * 128),
        find("search: eight words", "q=a+g+c+p+u+0+1+t"),
        find("group", "group=class-7&limit=200"),
        find("group that is not", "group=nobody"),
        find("locked out", "state=disabled&limit=200"),
        find("active", "state=active"),
        find("registered", "registered=yes"),
        find("not registered", "registered=no"),
        find("of the directory, active, not registered, in a group, by name",
             "q=ana&source=directory&state=active&registered=no&group=class-5"),
        ("groups", "/admin/groups", PAGE),
        ("a person", "/admin/people/p00001", PAGE),
        ("registrations", "/admin/registrations", PAGE),
        ("registrations: a name", "/admin/registrations?q=conceicao", PAGE),
        ("registrations: nobody", "/admin/registrations?q=xyzzy", PAGE),
        ("queue", "/admin/queue", PAGE),
        ("queue: a name", "/admin/queue?q=conceicao", PAGE),
        ("dashboard", "/admin", PAGE),
        ("audit", "/admin/audit", PAGE),
        ("audit, in the middle", f"/admin/audit?before={lines // 2}", PAGE),
        ("audit: somebody", f"/admin/audit?subject=p{local - 1:05}", PAGE),
        ("audit: nobody", "/admin/audit?actor=nobody", PAGE),
        ("API: people", "/api/v1/people", PAGE),
        ("API: a name", "/api/v1/people?text=conceicao", PAGE),
        ("API: audit", "/api/v1/audit", PAGE),
    ]


def measure(bench, server, plan, browser, program):
    places, seen, took = walk(browser)
    bench.tell(dict(test="console-walk", pages=len(places), people=seen, seconds=round(took, 2)))
    asked = pages(plan, places)
    times = {what: [] for what, _, _ in asked}
    work = {what: [] for what, _, _ in asked}
    size = {}
    for round_ in range(plan["console_rounds"] + 1):
        for what, path, _ in asked:
            client = program if path.startswith("/api") else browser
            before, began = worked(server.pid), time.perf_counter()
            status, text = client.ask(path)
            took = time.perf_counter() - began
            if status != 200:
                raise RuntimeError(f"{path}: {status}")
            # The first round brings what stays.
            if round_:
                times[what].append(took * 1000)
                work[what].append((worked(server.pid) - before) * 1000)
            size[what] = len(text)
    for what, path, bound in asked:
        sorted_ = sorted(times[what])
        line = dict(test="console", what=what, path=path, bytes=size[what], bound_ms=bound,
                    rounds=len(sorted_), p50_ms=round(statistics.median(sorted_), 2),
                    p95_ms=round(sorted_[int(len(sorted_) * 0.95)], 2),
                    max_ms=round(sorted_[-1], 2), cpu_ms=round(statistics.median(work[what]), 2))
        line["clean"] = line["p95_ms"] < bound and (size[what] < BYTES or path.startswith("/api"))
        bench.tell(line)


def leave(bench, server, browser):
    """Files, each twice; memory is looked at from before the first to after the second."""
    for what, path in (("export of accounts", "/admin/people/export"),
                       ("table of everybody", "/admin/people/table"),
                       ("table of those with a name", "/admin/people/table?q=conceicao"),
                       ("the trail", "/admin/audit/audit.csv")):
        before = resident_kib(server.pid)
        with Watch(server.pid) as watch:
            browser.ask(path)
            began = time.monotonic()
            status, text = browser.ask(path)
            took = time.monotonic() - began
        bench.tell(dict(test="console-files", what=what, status=status, bytes=len(text),
                        lines=text.count(b"\n"), seconds=round(took, 2), before_kib=before,
                        most_kib=watch.most, after_kib=resident_kib(server.pid)))


def beside(bench, server, browser, rounds):
    """Messages without anybody on the console, and beside the dashboard and a page a second."""
    for round_ in range(rounds):
        for console in (False, True):
            ends, threads = threading.Event(), []
            if console:
                threads = [threading.Thread(target=look, args=(browser, ends))
                           for look in (follow, turn)]
            for thread in threads:
                thread.start()
            bench.load(server, "message",
                       dict(test="console-beside", console=console, round=round_), count=1000,
                       transport="udp", rate=bench.options.rate,
                       user_pattern="p{:05}", password_pattern="secret{:05}",
                       duration=f"{bench.options.seconds}s")
            ends.set()
            for thread in threads:
                thread.join()


def follow(browser, ends):
    """The dashboard's events, as long as it takes."""
    with socket.create_connection(("127.0.0.1", browser.port)) as stream:
        stream.sendall(f"GET /admin/live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream"
                       f"\r\nCookie: tagus={browser.cookie}\r\n\r\n".encode())
        stream.settimeout(0.2)
        while not ends.is_set():
            try:
                if not stream.recv(65_536):
                    raise RuntimeError("the dashboard's events ended")
            except TimeoutError:
                continue


def turn(browser, ends):
    """A page of people a second."""
    while not ends.wait(1):
        browser.ask("/admin/people?q=conceicao")


def read_directory(bench, server, control):
    """Reading the whole directory, and holding it against what is known, the guard included."""
    for what, request in (("preview", "directory_preview"), ("reading", "directory_sync")):
        took, work = [], []
        for _ in range(5):
            before, began = worked(server.pid), time.monotonic()
            control.call(request)
            took.append(time.monotonic() - began)
            work.append(worked(server.pid) - before)
        bench.tell(dict(test="console-directory", what=what, seconds=round(statistics.median(took), 2),
                        cpu_seconds=round(statistics.median(work), 2)))


def token(control):
    """A program with a token that may read."""
    terms = dict(name="bench", scopes=["users:read", "audit:read"], role="owner", expires_at=None,
                 networks=[])
    return control.call({"token": {"make": terms}})["token_secret"]["secret"]


def console(bench, server, directory, plan):
    """All of it."""
    bench.directory = lambda: directory.process.pid
    server.start(2, True, console=directory.port)
    control = Control(server.data)
    control.call({"console": {"add": dict(name="ana", role="owner", password=PASSWORD)}})
    while control.call("directory_show")["directory"]["people"] < plan["console_people"] // 2:
        time.sleep(0.1)
    fill(bench, server, plan, control)
    browser, program = Browser(server.web_port), Browser(server.web_port)
    browser.sign_in()
    program.headers["Authorization"] = f"Bearer {token(control)}"
    program.headers["Accept"] = "application/json"
    measure(bench, server, plan, browser, program)
    leave(bench, server, browser)
    began = time.monotonic()
    report = control.call({"audit": "verify"})
    bench.tell(dict(test="console-verify", seconds=round(time.monotonic() - began, 2),
                    lines=report["audit_report"]["lines"]))
    read_directory(bench, server, control)
    beside(bench, server, browser, bench.options.rounds)
    server.stop()
