#!/usr/bin/env python3
"""A PJSIP user agent driven by lines on stdin, reporting JSON lines on stdout (see README.md)."""

import time

import driver

try:
    import pjsua2 as pj
except ImportError:
    driver.die("pjsua2 is missing: tests/.venv/bin/pip install pjsua2-python")

# PJSIP_CRED_DATA_PLAIN_PASSWD; digest algorithm is chosen by the challenge.
PLAIN_PASSWORD = 0


class Account(pj.Account):
    """Turns PJSIP's callbacks into events."""

    def onRegState(self, prm):
        if prm.expiration > 0 and prm.code // 100 == 2:
            driver.event("registered", code=prm.code, expires=prm.expiration)
        elif prm.code // 100 == 2:
            driver.event("unregistered", code=prm.code)
        else:
            driver.event("register_failed", code=prm.code, reason=prm.reason)

    def onInstantMessage(self, prm):
        driver.event(
            "message",
            **{"from": driver.bare(prm.fromUri), "to": driver.bare(prm.toUri)},
            content_type=prm.contentType,
            body=prm.msgBody,
            date=driver.header(prm.rdata.wholeMsg, "Date"),
            call_id=driver.header(prm.rdata.wholeMsg, "Call-ID"),
        )

    def onInstantMessageStatus(self, prm):
        driver.event("sent", to=driver.bare(prm.toUri), body=prm.msgBody, ok=prm.code // 100 == 2, code=prm.code, reason=prm.reason)

    def onTypingIndication(self, prm):
        driver.event("typing", **{"from": driver.bare(prm.fromUri)}, active=prm.isTyping)


def main():
    args = driver.arguments(__doc__)
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = 0 if not args.trace else 5
    config.logConfig.consoleLevel = 0 if not args.trace else 5
    if args.trace:
        config.logConfig.filename = args.trace
        config.logConfig.consoleLevel = 0
    # All callbacks run inside libHandleEvents below: one thread, no locks.
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.port = 0
    transport.boundAddress = args.local
    transport.publicAddress = args.local
    kind = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}[args.transport]
    endpoint.transportCreate(kind, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()

    account_config = pj.AccountConfig()
    account_config.idUri = f"sip:{args.user}@{args.domain}"
    account_config.regConfig.registrarUri = f"sip:{args.domain}"
    account_config.regConfig.timeoutSec = args.expires
    account_config.regConfig.registerOnAdd = not args.no_register
    account_config.sipConfig.proxies.append(f"<sip:{args.server};transport={args.transport};lr>")
    account_config.sipConfig.authCreds.append(
        pj.AuthCredInfo("digest", "*", args.auth_user, PLAIN_PASSWORD, args.password)
    )
    account = Account()
    account.create(account_config)
    driver.event("ready")

    buddies = {}

    def message(to, body):
        uri = driver.uri(to, args.domain)
        if uri not in buddies:
            buddy_config = pj.BuddyConfig()
            buddy_config.uri = uri
            buddy_config.subscribe = False
            buddies[uri] = pj.Buddy()
            buddies[uri].create(account, buddy_config)
        parameters = pj.SendInstantMessageParam()
        parameters.contentType = "text/plain"
        parameters.content = body
        buddies[uri].sendInstantMessage(parameters)

    commands = driver.commands()
    while True:
        endpoint.libHandleEvents(20)
        for command in driver.waiting(commands):
            verb, _, rest = command.partition(" ")
            if verb == "message":
                to, _, body = rest.partition(" ")
                message(to, body)
            elif verb == "register":
                account.setRegistration(True)
            elif verb == "unregister":
                account.setRegistration(False)
            elif verb == "quit":
                if not args.no_register and "keep" not in rest:
                    account.setRegistration(False)
                    until = time.monotonic() + 2
                    while account.getInfo().regIsActive and time.monotonic() < until:
                        endpoint.libHandleEvents(20)
                buddies.clear()
                # libDestroy waits for timers of PJSIP's own; nothing here needs them.
                driver.leave(0)
            else:
                driver.event("error", text=f"unknown command {verb}")


if __name__ == "__main__":
    main()
