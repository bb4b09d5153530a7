//! What the damaged inputs are made of: the torture messages, and messages as clients write them.

use std::path::Path;

/// SIP as pjsua, Linphone and baresip write it, and as a server answers them.
const CLIENTS: &[&str] = &[
    "REGISTER sip:campus.example SIP/2.0\n\
     Via: SIP/2.0/UDP 192.0.2.7:40612;rport;branch=z9hG4bKPjq7m2N0qM4oYw\n\
     Route: <sip:im.campus.example;lr>\n\
     Max-Forwards: 70\n\
     From: \"Ana Silva\" <sip:ana@campus.example>;tag=8oZ1dKk0d8\n\
     To: \"Ana Silva\" <sip:ana@campus.example>\n\
     Call-ID: 8f1n-2bXwI4yHkqQ\n\
     CSeq: 14602 REGISTER\n\
     User-Agent: PJSUA v2.14 Linux-6.1/x86_64/glibc-2.36\n\
     Supported: outbound, path\n\
     Contact: <sip:ana@192.0.2.7:40612;ob>;reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-0000f5a4c1d2>\"\n\
     Expires: 300\n\
     Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS\n\
     Authorization: Digest username=\"ana\", realm=\"campus.example\", nonce=\"gY1w4oXNbGgAAAAAAAAA\", uri=\"sip:campus.example\", response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5, cnonce=\"k2h4\", qop=auth, nc=00000001\n\
     Content-Length:  0\n\n",
    "MESSAGE sip:bob@campus.example SIP/2.0\n\
     Via: SIP/2.0/TCP 192.0.2.8:5060;alias;branch=z9hG4bK.oPq-tNyq3;rport\n\
     From: <sip:ana@campus.example>;tag=z3kPbVrqk\n\
     To: sip:bob@campus.example\n\
     CSeq: 20 MESSAGE\n\
     Call-ID: W3qUGh6mEd\n\
     Max-Forwards: 70\n\
     Supported: replaces, outbound, gruu, path\n\
     Date: Tue, 24 Nov 2026 10:00:00 GMT\n\
     Content-Type: message/cpim\n\
     Content-Length: 184\n\
     User-Agent: Linphone-Desktop/5.2.4 (ana-laptop) LinphoneCore/5.3.47\n\
     Proxy-Authorization:  Digest realm=\"campus.example\", nonce=\"AAbb==\", algorithm=SHA-256, opaque=\"\", username=\"ana\",  uri=\"sip:bob@campus.example\", response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", cnonce=\"j2\", nc=0000000a, qop=auth\n\n\
     From: <sip:ana@campus.example>\n\
     To: <sip:bob@campus.example>\n\
     DateTime: 2026-11-24T10:00:00Z\n\
     NS: imdn <urn:ietf:params:imdn>\n\
     imdn.Message-ID: lQ3\n\n\
     Content-Type: text/plain\n\nOla\u{0301}",
    "OPTIONS sip:bob@[2001:db8::7]:5062;transport=tcp SIP/2.0\n\
     v: SIP/2.0/TLS [2001:db8::9]:5061;branch=z9hG4bK2d4790.1;received=2001:db8::9;rport=5061, SIP/2.0/UDP gw.example.net;branch=z9hG4bKb\n\
     Contact: <sip:bob-0x55d1c8@[2001:db8::9]:33442;transport=tls>;q=0.5;expires=60\n\
     f: \"B\\\"ob, of CS\" <sips:bob@campus.example;user=phone?Subject=x%20y&Priority=urgent>;tag=4f\n\
     t: <tel:+351-21-000;ext=5;phone-context=campus.example>\n\
     i: 1a2b3c@2001:db8::9\n\
     CSeq: 1 OPTIONS\n\
     Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\n\
     k: timer,\n\t100rel\n\
     l: 0\n\n",
    "SIP/2.0 401 Unauthorized\n\
     Via: SIP/2.0/UDP 192.0.2.7:40612;rport=40612;branch=z9hG4bKPjq7m2N0qM4oYw;received=192.0.2.7\n\
     Via: SIP/2.0/UDP h2;branch=z9hG4bKz\n\
     From: \"Ana Silva\" <sip:ana@campus.example>;tag=8oZ1dKk0d8\n\
     To: \"Ana Silva\" <sip:ana@campus.example>;tag=0123456789abcdef\n\
     Call-ID: 8f1n-2bXwI4yHkqQ\n\
     CSeq: 14602 REGISTER\n\
     WWW-Authenticate: Digest realm=\"campus.example\", nonce=\"gY1w4oXNbGgAAAAAAAAA\", algorithm=SHA-256, qop=\"auth\"\n\
     WWW-Authenticate: Digest realm=\"campus.example\", nonce=\"gY1w4oXNbGgAAAAAAAAA\", algorithm=MD5, qop=\"auth,auth-int\", stale=true, opaque=\"x\"\n\
     Content-Length: 0\n\n",
    "INVITE sip:bob@campus.example SIP/2.0\n\
     Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK7c9e5d17a1b2c3d4;rport\n\
     Contact: <sip:carla-0x7f@192.0.2.9:5060>\n\
     Max-Forwards: 70\n\
     To: <sip:bob@campus.example>\n\
     From: \"Carla\" <sip:carla@campus.example>;tag=d1e2f3\n\
     Call-ID: 0a1b2c3d4e5f6071\n\
     CSeq: 4711 INVITE\n\
     User-Agent: baresip v3.9.0 (x86_64/Linux)\n\
     Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,SUBSCRIBE,INFO,MESSAGE,UPDATE,REFER\n\
     Content-Type: application/sdp\n\
     Content-Length: 21\n\nv=0\no=- 1 1 IN IP4 x",
];

/// What is not SIP: values of headers, configuration, control messages.
const OTHERS: &[&str] = &[
    "sip:alice:secretword@atlanta.com;transport=tcp;lr;maddr=239.255.255.1;ttl=15?subject=project%20x&priority=urgent",
    "Digest username=\"Mufasa\", realm=\"r\", nonce=\"n\", uri=\"/\", qop=auth, nc=00000001, cnonce=\"c\", response=\"8ca523f5e9506fed4657c9700eebdbec\", opaque=\"o\"",
    "{\"user_add\":{\"user\":\"ana\",\"name\":\"Ana\",\"mail\":null,\"password\":\"pw\"}}",
    "{\"ban_lift\":{\"source\":\"192.0.2.1\",\"user\":\"ana\"}}",
    "domain = \"campus.example\"\n[sip]\nlisten = [\"udp://[::]:5060\"]\n[limits]\nheader_lines = 200\n",
    "udp://[::]:5060",
    "192.0.2.0/24",
    "72h",
    "an{user}x",
    "<?xml version=\"1.0\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" xmlns:c=\"urn:ietf:params:xml:ns:pidf:cipid\" entity=\"pres:ana@campus.example\"><tuple id=\"a1\" c:x=\"1\"><status><basic>open</basic><c:s/></status><rpid:class>work</rpid:class><contact priority=\"0.8\">sip:ana@192.0.2.7</contact><note xml:lang=\"en\">hi &amp; bye</note></tuple><dm:person id=\"p1\"><rpid:activities><rpid:busy/></rpid:activities><c:card>c</c:card></dm:person><dm:device id=\"d1\"><rpid:user-input idle-threshold=\"600\" last-input='x'>idle</rpid:user-input></dm:device></presence>",
    "<cr:ruleset xmlns=\"urn:ietf:params:xml:ns:pres-rules\" xmlns:cr=\"urn:ietf:params:xml:ns:common-policy\"><cr:rule id=\"a\"><cr:conditions><cr:identity><cr:one id=\"sip:bob@campus.example\"/><cr:many domain=\"campus.example\"><cr:except id=\"sip:eve@campus.example\"/></cr:many></cr:identity><cr:sphere value=\"work home\"/><cr:validity><cr:from>2003-08-15T10:20:00.000-05:00</cr:from><cr:until>2033-09-15T10:20:00Z</cr:until></cr:validity></cr:conditions><cr:actions><sub-handling>allow</sub-handling></cr:actions><cr:transformations><provide-services><service-uri-scheme>sip</service-uri-scheme><all-services/></provide-services><provide-user-input>bare</provide-user-input><provide-mood>true</provide-mood><provide-unknown-attribute ns=\"urn:x\" name=\"y\">true</provide-unknown-attribute></cr:transformations></cr:rule></cr:ruleset>",
    "<?xml version=\"1.0\"?>\n<watcherinfo xmlns=\"urn:ietf:params:xml:ns:watcherinfo\" version=\"0\" state=\"full\"><watcher-list resource=\"sip:ana@campus.example\" package=\"presence\"><watcher status=\"pending\" id=\"h-7\" display-name=\"Bob &lt;b&gt;\" expiration=\"60\" event=\"subscribe\">sip:bob@campus.example</watcher></watcher-list></watcherinfo>",
];

/// Rows as version 1 stored them, and an account's hexadecimal.
const ROWS: &[&str] = &[
    include_str!("../../src/model/tests/account_v1.hex"),
    include_str!("../../src/model/tests/binding_row_v1.hex"),
    include_str!("../../src/model/tests/held_state_v1.hex"),
];

fn from_hex(text: &str) -> Vec<u8> {
    let text = text.trim();
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
        .collect()
}

/// The SIP messages that clients write.
pub(crate) fn clients() -> Vec<Vec<u8>> {
    CLIENTS.iter().map(|text| text.replace('\n', "\r\n").into_bytes()).collect()
}

/// Everything.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The order of a directory is not the same everywhere.
    files.sort();
    let torture = files
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "dat"))
        .map(|path| std::fs::read(path).unwrap());
    torture
        .chain(clients())
        .chain(OTHERS.iter().map(|text| text.as_bytes().to_vec()))
        .chain(super::msrp::CORPUS.iter().map(|text| text.replace('\n', "\r\n").into_bytes()))
        .chain(ROWS.iter().map(|text| from_hex(text)))
        .chain([export()])
        .collect()
}

/// A small store, exported.
fn export() -> Vec<u8> {
    use tagus::store::{Commit, Store as _, Table, memory};
    let store = memory();
    let commit = Commit::new().put(Table::Accounts, b"ana", vec![1, 2, 3]).put(
        Table::Accounts,
        b"bob",
        vec![0; 70],
    );
    store.commit_blocking(commit).unwrap();
    let mut out = Vec::new();
    store.export(&mut out).unwrap();
    out
}
