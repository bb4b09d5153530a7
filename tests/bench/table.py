"""The tables of docs/performance.md, from what the runs found."""

import statistics

import msrp_transfers

# Watchers of each publisher, publishers, PUBLISHes a second: about half of what Kamailio takes, so
# that work is measured and not the waking of idle workers.
CROWDS = [(0, 200, 4000), (1, 200, 2000), (10, 100, 400), (500, 4, 8)]


def number(line, *path):
    for key in path:
        line = (line or {}).get(key) if isinstance(line, dict) else None
    return line


def shown(values):
    values = [value for value in values if value is not None]
    if not values:
        return "failed"
    text = f"{statistics.median(values):g}"
    return text if len(values) == 1 else f"{text} ({min(values):g} to {max(values):g})"


def table(lines):
    """Markdown; medians of the rounds, with the extremes."""
    out = []

    def head(title, *columns):
        out.extend(["", f"### {title}", "", "| " + " | ".join(columns) + " |",
                    "| " + " | ".join("---" for _ in columns) + " |"])

    def row(*cells):
        out.append("| " + " | ".join(str(cell) for cell in cells) + " |")

    costs = [line for line in lines if line["test"] == "cost"]
    if costs:
        head("CPU of the server, microseconds a request", "request", "nonce", "transport",
             "workers", "cache", "tagus", "kamailio", "directory: tagus", "directory: kamailio",
             "packets", "bytes: tagus", "bytes: kamailio")
        keys = ("kind", "nonce", "transport", "workers", "cache")
        seen = []
        for line in costs:
            key = tuple(line.get(name) for name in keys)
            if key[0] and key not in seen:
                seen.append(key)
        for key in sorted(seen, key=str):
            of = {name: [line for line in costs if line["server"] == name
                         and tuple(line.get(k) for k in keys) == key]
                  for name in ("tagus", "kamailio")}
            trouble = {name: sum(line.get("failed", 0) + line.get("retransmissions", 0)
                                 + line.get("lost", 0) for line in of[name]) for name in of}
            cpu = {name: shown([number(line, "use", "cpu_us_per_request") for line in of[name]])
                   + (f" [{trouble[name]} not clean]" if trouble[name] else "") for name in of}
            ldap = {name: shown([line.get("directory_cpu_us_per_request") for line in of[name]])
                    for name in of}
            size = {name: shown([line.get("bytes_per_request") for line in of[name]])
                    for name in of}
            packets = shown([line.get("packets_per_request") for line in of["tagus"]])
            row(key[0].upper(), key[1], key[2], key[3], "on" if key[4] else "off", cpu["tagus"],
                cpu["kamailio"], ldap["tagus"], ldap["kamailio"], packets, size["tagus"],
                size["kamailio"])
    msrp_transfers.table(lines, head, row)
    rings = [line for line in lines if line["test"] == "calls"]
    if rings:
        head("Calls: INVITE, 180, 200, ACK, BYE, with a challenge", "transport",
             "CPU us: tagus", "CPU us: kamailio", "calls a CPU second: tagus",
             "calls a CPU second: kamailio", "failed", "sent again")
        for transport in sorted({line["transport"] for line in rings}):
            of = {name: [line for line in rings if line["server"] == name
                         and line["transport"] == transport] for name in ("tagus", "kamailio")}
            row(transport, *(shown([line["cpu_us_per_call"] for line in of[name]]) for name in of),
                *(shown([line["calls_per_cpu_second"] for line in of[name]]) for name in of),
                *("/".join(str(sum(line[key] for line in of[name])) for name in of)
                  for key in ("failed", "retransmissions")))
    told = [line for line in lines if line["test"] == "presence"]
    if told:
        head("Presence: CPU of the server, microseconds", "watchers", "a PUBLISH: tagus",
             "a PUBLISH: kamailio", "a NOTIFY: tagus", "a NOTIFY: kamailio", "NOTIFYs a PUBLISH: tagus",
             "NOTIFYs a PUBLISH: kamailio", "told after p50 / p99 / max, ms: tagus",
             "told after: kamailio", "failed", "sent again")
        for watchers, _, _ in CROWDS:
            of = {name: [line for line in told if line["server"] == name
                         and line.get("watchers") == watchers] for name in ("tagus", "kamailio")}
            part = {name: shown([number(line, "use", "cpu_us_per_request") for line in of[name]])
                    for name in of}
            each = {name: shown([number(line, "use", "cpu_us_per_notify") for line in of[name]])
                    if watchers else "" for name in of}
            count = {name: shown([line["delivered"] / max(line["completed"], 1)
                                  for line in of[name]]) for name in of}
            late = {name: " / ".join(
                        shown([number(line, "delivery_us", key) / 1000 for line in of[name]])
                        for key in ("p50", "p99", "max")) if watchers else "" for name in of}
            row(watchers, part["tagus"], part["kamailio"], each["tagus"], each["kamailio"],
                count["tagus"], count["kamailio"], late["tagus"], late["kamailio"],
                *("/".join(str(sum(line[a] + (line[b] if b else 0) for line in of[name]))
                           for name in of)
                  for a, b in (("failed", None), ("retransmissions", "delivered_again"))))
    held = [line for line in lines if line["test"] == "subscriptions" and "with_kib" in line]
    if held:
        head("Memory of subscriptions (proportional set size), KiB", "server", "subscriptions",
             "without them", "with them", "bytes a subscription")
        for line in held:
            row(line["server"], line["subscriptions"], line["without_kib"], line["with_kib"],
                line["bytes_per_subscription"])
    beside = [line for line in lines if line["test"] == "bystander" and "delivery_us" in line]
    if beside:
        head("Messages beside somebody with 500 watchers", "beside", "messages", "failed", "lost",
             "sent again", "delivery p50 / p99 / max, ms", "NOTIFYs meanwhile")
        for line in beside:
            late = " / ".join(f"{line['delivery_us'][key] / 1000:.1f}"
                              for key in ("p50", "p99", "max"))
            row(line["beside"], line["requests"], line["failed"], line["lost"],
                line["retransmissions"], late, line.get("beside_notifies", ""))
    rates = [line for line in lines if line["test"] == "clean"]
    if rates:
        head("Highest clean rate, requests a second", "request", "transport", "workers", "tagus",
             "kamailio")
        keys = ("kind", "transport", "workers")
        for key in sorted({tuple(line[k] for k in keys) for line in rates}):
            of = {name: shown([line.get("highest_clean_rate") for line in rates
                               if line["server"] == name
                               and tuple(line[k] for k in keys) == key])
                  for name in ("tagus", "kamailio")}
            row(key[0].upper(), key[1], key[2], of["tagus"], of["kamailio"])
    sizes = [line for line in lines if line["test"] == "memory"]
    if sizes:
        head("Memory (proportional set size), KiB", "server", "no bindings", "bindings",
             "with them", "bytes a binding")
        for line in sizes:
            row(line["server"], line["empty_kib"], line["bindings"], line["full_kib"],
                line["bytes_per_binding"])
    quiet = [line for line in lines if line["test"] == "idle" and "memory" in line]
    if quiet:
        head("Idle connections", "transport", "connections", "failed", "lost",
             "keep-alives answered", "memory before / with them / after they closed, KiB",
             "bytes each")
        for line in quiet:
            kib = line["memory"]
            row(line["transport"], line["connections"], line["failed"], line["lost"],
                f"{line['keep_alives_answered']} of {line['keep_alives']}",
                f"{kib['before_kib']} / {kib['held_kib']} / {kib['closed_kib']}",
                kib["bytes_each"])
    cuts = [line for line in lines if line["test"] == "restart" and "kept" in line]
    if cuts:
        head("After a power cut", "people", "bindings kept", "ready, s", "all registered anew, s",
             "bindings then", "failed", "sent again")
        for line in cuts:
            row(line["people"], line["kept"], line["ready_seconds"], line["all_back_seconds"],
                line["bound_after"], line.get("failed"), line.get("retransmissions"))
    crowds = [line for line in lines if line["test"] == "population"]
    if crowds:
        head("A population that writes every 3 s", "server", "people", "minutes", "messages",
             "failed", "lost", "doubled", "sent again", "delivery p50 / p99 / max, ms",
             "CPU us a message", "memory before / after, KiB")
        for line in crowds:
            if "error" in line:
                row(line["server"], line["error"])
                continue
            late = "/".join(f"{line['delivery_us'][key] / 1000:.1f}"
                            for key in ("p50", "p99", "max"))
            row(line["server"], line["users"], round(line["seconds"] / 60, 1), line["requests"],
                line["failed"], line["lost"], line["duplicated"], line["retransmissions"], late,
                number(line, "use", "cpu_us_per_request"),
                f"{line.get('pss_before_kib')} / {line.get('pss_after_kib')}")
    pages = [line for line in lines if line["test"] == "console"]
    if pages:
        head("Pages of the console", "page", "bytes", "p50 / p95 / max, ms", "of them CPU, ms",
             "bound, ms")
        for line in pages:
            row(line["what"], f"{line['bytes']:,}",
                f"{line['p50_ms']:.1f} / {line['p95_ms']:.1f} / {line['max_ms']:.1f}",
                f"{line['cpu_ms']:.1f}", f"{line['bound_ms']}{'' if line['clean'] else ' MISSED'}")
    files = [line for line in lines if line["test"] == "console-files"]
    if files:
        head("Files that leave", "file", "lines", "bytes", "seconds",
             "resident before / most / after, KiB")
        for line in files:
            row(line["what"], f"{line['lines']:,}", f"{line['bytes']:,}", line["seconds"],
                f"{line['before_kib']:,} / {line['most_kib']:,} / {line['after_kib']:,}")
    beside = [line for line in lines if line["test"] == "console-beside" and "use" in line]
    if beside:
        head("Messages beside the console", "console", "rate", "failed", "lost", "sent again",
             "CPU us a message", "answer p50 / p99, ms")
        for console in (False, True):
            of = [line for line in beside if line["console"] == console]
            total = {key: sum(line[key] for line in of)
                     for key in ("failed", "lost", "retransmissions")}
            late = " / ".join(f"{statistics.median(line['latency_us'][key] for line in of) / 1000:.2f}"
                              for key in ("p50", "p99"))
            row("the dashboard, and a page a second" if console else "nobody",
                shown([line["rate"] for line in of]), total["failed"], total["lost"],
                total["retransmissions"],
                shown([number(line, "use", "cpu_us_per_request") for line in of]), late)
    return "\n".join(out).lstrip() + "\n"
