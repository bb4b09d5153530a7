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


# Calls that stand; PJSIP forgets what Python does.
CALLS = []


class Call(pj.Call):
    """A call that plays a tone, and counts what it hears."""

    def __init__(self, account, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(account, call_id)
        self.tone = None
        CALLS.append(self)

    def onCallState(self, prm):
        info = self.getInfo()
        driver.event("call", state=info.stateText, code=info.lastStatusCode)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            CALLS.remove(self)

    def onCallMediaState(self, prm):
        # Its list is gone with it.
        info = self.getInfo()
        for index, media in enumerate(info.media):
            driver.event("media_state", status=media.status)
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                if self.tone is None:
                    self.tone = pj.ToneGenerator()
                    self.tone.createToneGenerator()
                    tone = pj.ToneDesc()
                    tone.freq1, tone.on_msec, tone.off_msec = 440, 1000, 0
                    self.tone.play(pj.ToneDescVector([tone]), True)
                self.tone.startTransmit(self.getAudioMedia(index))

    def heard(self):
        """Packets of audio that came."""
        return self.getStreamStat(0).rtcp.rxStat.pkt


class Account(pj.Account):
    """Turns PJSIP's callbacks into events."""

    def onIncomingCall(self, prm):
        call = Call(self, prm.callId)
        driver.event("incoming", **{"from": driver.bare(call.getInfo().remoteUri)})
        for status in (180, 200):
            parameters = pj.CallOpParam(True)
            parameters.statusCode = status
            call.answer(parameters)

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
    kind = {
        "udp": pj.PJSIP_TRANSPORT_UDP,
        "tcp": pj.PJSIP_TRANSPORT_TCP,
        "tls": pj.PJSIP_TRANSPORT_TLS,
    }[args.transport]
    if args.transport == "tls":
        transport.tlsConfig.verifyServer = True
        transport.tlsConfig.CaListFile = args.authority or ""
    endpoint.transportCreate(kind, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()

    account_config = pj.AccountConfig()
    account_config.idUri = f"sip:{args.user}@{args.domain}"
    account_config.regConfig.registrarUri = f"sip:{args.domain}"
    account_config.regConfig.timeoutSec = args.expires
    account_config.regConfig.registerOnAdd = not args.no_register
    account_config.mediaConfig.transportConfig.boundAddress = args.local
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
            elif verb == "call":
                Call(account).makeCall(driver.uri(rest, args.domain), pj.CallOpParam(True))
            elif verb == "hold":
                CALLS[0].setHold(pj.CallOpParam(True))
            elif verb == "resume":
                parameters = pj.CallOpParam(True)
                parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
                CALLS[0].reinvite(parameters)
            elif verb == "heard":
                driver.event("heard", packets=CALLS[0].heard())
            elif verb == "hangup":
                CALLS[0].hangup(pj.CallOpParam())
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
