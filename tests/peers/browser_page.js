// The page of a browser client: JsSIP, driven by `agent(command)` and telling what happens by
// `tell(event)`, which browser_agent.mjs puts into the page.

import JsSIP from 'jssip';

const PLAIN = { pcConfig: { iceServers: [] }, mediaConstraints: { audio: true, video: false } };

let ua;
let session;

/** The device stays the same over reloads (RFC 5626 s4.1), or stale bindings pile up. */
function instance() {
  const stored = localStorage.getItem('instance') ?? crypto.randomUUID();
  localStorage.setItem('instance', stored);
  return stored;
}

function follow(call) {
  session = call;
  call.on('sdp', ({ originator, type, sdp }) => tell('sdp', { originator, type, sdp }));
  call.on('confirmed', () => tell('call', { state: 'CONFIRMED', code: 200 }));
  call.on('ended', () => tell('call', { state: 'DISCONNECTED', code: 200 }));
  call.on('failed', ({ cause, message }) =>
    tell('call', { state: 'DISCONNECTED', code: message?.status_code ?? 0, reason: cause }));
}

function start({ user, authUser, password, domain, url, expires }) {
  JsSIP.debug.enable('JsSIP:*');
  ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(url)],
    uri: `sip:${user}@${domain}`,
    authorization_user: authUser,
    password,
    instance_id: instance(),
    register_expires: expires,
    session_timers: false,
  });
  ua.on('connected', () => tell('connected', {}));
  ua.on('disconnected', ({ code }) => tell('disconnected', { code: code ?? null }));
  ua.on('registered', ({ response }) => tell('registered', {
    code: response.status_code,
    gruu: ua.contact.pub_gruu?.toString() ?? null,
  }));
  ua.on('unregistered', ({ response }) => tell('unregistered', { code: response?.status_code ?? 0 }));
  ua.on('registrationFailed', ({ response, cause }) =>
    tell('register_failed', { code: response?.status_code ?? 0, reason: cause }));
  ua.on('newMessage', ({ originator, request }) => {
    if (originator !== 'remote') return;
    tell('message', {
      from: `${request.from.uri.user}@${request.from.uri.host}`,
      to: `${request.to.uri.user}@${request.to.uri.host}`,
      content_type: request.getHeader('Content-Type') ?? null,
      body: request.body,
      date: request.getHeader('Date') ?? null,
      call_id: request.call_id,
    });
  });
  ua.on('newRTCSession', ({ originator, session: call, request }) => {
    follow(call);
    if (originator !== 'remote') return;
    tell('incoming', { from: `${request.from.uri.user}@${request.from.uri.host}` });
    call.answer(PLAIN);
  });
  ua.start();
}

function message(to, body) {
  const sent = (ok) => ({ response, cause }) =>
    tell('sent', { to, body, ok, code: response?.status_code ?? 0, reason: cause ?? null });
  ua.sendMessage(to, body, {
    contentType: 'text/plain',
    eventHandlers: { succeeded: sent(true), failed: sent(false) },
  });
}

/** Packets of audio that came. */
async function heard() {
  let packets = 0;
  for (const report of (await session.connection.getStats()).values()) {
    if (report.type === 'inbound-rtp' && report.kind === 'audio') packets += report.packetsReceived;
  }
  tell('heard', { packets });
}

window.agent = ({ verb, to, body, settings }) => {
  switch (verb) {
    case 'start': return start(settings);
    case 'message': return message(to, body);
    case 'call': return void ua.call(to, PLAIN);
    case 'hold': return void session.hold();
    case 'resume': return void session.unhold();
    case 'heard': return heard();
    case 'hangup': return session.terminate();
    case 'register': return ua.register();
    case 'unregister': return ua.unregister();
    default: return tell('error', { text: `unknown command ${verb}` });
  }
};
