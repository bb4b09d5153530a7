//! RFC 3261 s12.2, s16.4, s16.6 step 4, RFC 5658, RFC 5626 s5: requests within dialogs.

use crate::peer::{Draft, Got, Peer};
use crate::server::DOMAIN;
use crate::{campus, two};

/// An answered call, as both ends know it.
pub(crate) struct Call {
    /// The caller's INVITE.
    pub(crate) invite: Draft,
    /// From of the caller, To of the called end with its tag.
    pub(crate) caller: String,
    pub(crate) called: String,
    /// Route of requests that the caller sends, and of those that the called end sends.
    pub(crate) caller_route: String,
    pub(crate) called_route: String,
    pub(crate) caller_contact: String,
    pub(crate) called_contact: String,
}

impl Call {
    /// Calls and answers; the ACK is not sent yet.
    pub(crate) fn answered(caller: &mut Peer, called: &mut Peer) -> Call {
        let draft = caller.to("INVITE", &called.user);
        Call::answered_to(draft, caller, called)
    }

    /// The same with another INVITE.
    pub(crate) fn answered_to(draft: Draft, caller: &mut Peer, called: &mut Peer) -> Call {
        let draft = draft.with(&format!("Contact: {}", caller.contact()));
        let invite = caller.challenged(&draft);
        caller.send(&invite.bytes());
        let came = called.request();
        assert_eq!(came.method(), "INVITE", "{}", came.text());
        called.respond(&came, 180, &dialog_headers(&came, called));
        assert_eq!(caller.answer_to(&invite).status(), 180);
        called.respond(&came, 200, &dialog_headers(&came, called));
        let answer = caller.answer_to(&invite);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let routes = record_routes(&answer);
        assert_eq!(routes, record_routes(&came));
        let reversed: Vec<String> = routes.iter().rev().cloned().collect();
        Call {
            caller: invite.from.clone(),
            called: answer.one("To"),
            caller_route: reversed.join(", "),
            called_route: routes.join(", "),
            caller_contact: uri_in(&came.one("Contact")),
            called_contact: uri_in(&answer.one("Contact")),
            invite,
        }
    }

    /// A request of the caller within the call.
    pub(crate) fn of_caller(&self, peer: &Peer, method: &str, cseq: u32) -> Draft {
        let draft = peer.draft(method, &self.called_contact);
        self.within(draft, &self.caller, &self.called, &self.caller_route, cseq)
    }

    /// A request of the called end within the call.
    pub(crate) fn of_called(&self, peer: &Peer, method: &str, cseq: u32) -> Draft {
        let draft = peer.draft(method, &self.caller_contact);
        self.within(draft, &self.called, &self.caller, &self.called_route, cseq)
    }

    fn within(&self, draft: Draft, from: &str, to: &str, route: &str, cseq: u32) -> Draft {
        let call_id = self.invite.call_id.clone();
        let (from, to) = (from.to_owned(), to.to_owned());
        Draft { from, to, call_id, cseq, ..draft }.with(&format!("Route: {route}"))
    }

    pub(crate) fn acknowledge(&self, caller: &mut Peer, called: &mut Peer) {
        caller.send(&self.of_caller(caller, "ACK", self.invite.cseq).bytes());
        let ack = called.request();
        assert_eq!(ack.method(), "ACK");
        assert_eq!(ack.uri(), self.called_contact);
        assert!(ack.all("Route").is_empty(), "{}", ack.text());
    }
}

fn dialog_headers(request: &Got, peer: &Peer) -> String {
    let routes: String = request
        .all("Record-Route")
        .iter()
        .map(|line| format!("Record-Route: {line}\r\n"))
        .collect();
    format!("{routes}Contact: {}\r\n", peer.contact())
}

fn record_routes(message: &Got) -> Vec<String> {
    let lines = message.all("Record-Route");
    lines.iter().flat_map(|line| line.split(',')).map(|value| value.trim().to_owned()).collect()
}

pub(crate) fn uri_in(value: &str) -> String {
    value.trim_matches(['<', '>']).to_owned()
}

pub(crate) fn passes(sender: &mut Peer, receiver: &mut Peer, request: &Draft) -> Got {
    sender.send(&request.bytes());
    let came = receiver.respond_to_next(200);
    assert_eq!(came.method(), request.method, "{}", came.text());
    assert_eq!(came.uri(), request.uri);
    assert!(came.all("Route").is_empty(), "{}", came.text());
    assert_eq!(sender.answer_to(request).status(), 200);
    came
}

/// RFC 3261 s16.6 step 4, s16.4, s12.2: Record-Route, ACK, and requests of both ends, of which none
/// is challenged.
#[test]
fn a_call_runs_along_its_record_route_from_ack_to_bye() {
    let (server, mut ana, mut bob) = two();
    let call = Call::answered(&mut ana, &mut bob);
    assert!(call.caller_route.ends_with(&format!("@{};lr>", server.udp)), "{}", call.caller_route);
    call.acknowledge(&mut ana, &mut bob);
    let mut cseq = call.invite.cseq;
    for method in ["INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "MESSAGE", "SUBSCRIBE", "X-OTHER"]
    {
        cseq += 1;
        let request = call.of_caller(&ana, method, cseq);
        passes(&mut ana, &mut bob, &request);
        let request = call.of_called(&bob, method, cseq);
        passes(&mut bob, &mut ana, &request);
    }
    // A re-INVITE with its ACK, of the called end.
    let again =
        call.of_called(&bob, "INVITE", cseq + 1).with(&format!("Contact: {}", bob.contact()));
    let came = passes(&mut bob, &mut ana, &again);
    assert!(came.all("Record-Route").is_empty(), "the route set of a dialog stays");
    bob.send(&call.of_called(&bob, "ACK", cseq + 1).bytes());
    assert_eq!(ana.request().method(), "ACK");
    let bye = call.of_caller(&ana, "BYE", cseq + 1);
    passes(&mut ana, &mut bob, &bye);
}

/// RFC 3261 s16.11: without a transaction here, the far end must still know it for the same one.
#[test]
fn an_ack_that_is_repeated_keeps_its_branch() {
    let (_server, mut ana, mut bob) = two();
    let call = Call::answered(&mut ana, &mut bob);
    let ack = call.of_caller(&ana, "ACK", call.invite.cseq);
    let [first, second] = [(); 2].map(|()| {
        ana.send(&ack.bytes());
        bob.request()
    });
    assert_eq!([first.method(), second.method()], ["ACK", "ACK"]);
    assert_eq!(first.branch(), second.branch());
    assert_ne!(first.branch(), ack.via.split("branch=").last().unwrap_or_default());
}

/// RFC 5658: where the transports differ, each side gets a URI of its own.
#[test]
fn a_call_between_udp_and_tcp_has_a_record_route_for_each_side() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let mut bob = Peer::tcp(&server, "bob");
    bob.sign_in();
    for called_by_udp in [true, false] {
        let (one, two) = if called_by_udp { (&mut ana, &mut bob) } else { (&mut bob, &mut ana) };
        let call = Call::answered(one, two);
        let (udp, tcp) =
            (format!("@{};lr>", server.udp), format!("@{};transport=tcp;lr>", server.tcp));
        let (first, last) = if called_by_udp { (udp, tcp) } else { (tcp, udp) };
        let (top, bottom) = call.caller_route.split_once(", ").expect("two routes");
        assert!(top.ends_with(&first) && bottom.ends_with(&last), "{}", call.caller_route);
        call.acknowledge(one, two);
        let request = call.of_called(two, "INFO", 7);
        passes(two, one, &request);
        let request = call.of_caller(one, "BYE", 8);
        passes(one, two, &request);
    }
}

/// RFC 5626 s5.3.1: 403 to what we did not sign, or not for this dialog; and no packet goes out.
#[test]
fn a_token_that_was_changed_or_taken_from_another_call_is_403() {
    let (_server, mut ana, mut bob) = two();
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    let mut changed = call.of_caller(&ana, "INFO", 5);
    let place = changed.more.find("sip:").expect("a URI") + 20;
    let other = if changed.more.as_bytes()[place] == b'A' { "B" } else { "A" };
    changed.more.replace_range(place..=place, other);
    let mut other_call = call.of_caller(&ana, "INFO", 6);
    other_call.call_id += "x";
    let mut other_tags = call.of_caller(&ana, "INFO", 7);
    other_tags.from = format!("<sip:ana@{DOMAIN}>;tag=another");
    let mut no_dialog = call.of_caller(&ana, "INFO", 8);
    no_dialog.to = format!("<sip:bob@{DOMAIN}>");
    // T05: a token is no licence to speak for somebody else.
    let mut other_sender = call.of_caller(&ana, "MESSAGE", 9);
    other_sender.from = other_sender.from.replace("ana@", "dean@");
    assert!(other_sender.from.contains("dean@"));
    for request in [changed, other_call, other_tags, no_dialog, other_sender] {
        assert_eq!(ana.ask(&request).status(), 403, "{request:?}");
    }
    // Neither does an ACK pass, which nobody answers.
    let mut ack = call.of_caller(&ana, "ACK", call.invite.cseq);
    ack.call_id += "x";
    ana.send(&ack.bytes());
    bob.expect_silence();
    let bye = call.of_caller(&ana, "BYE", 9);
    passes(&mut ana, &mut bob, &bye);
}

/// RFC 5626 s5.3.1: 430 when the connection to the other end is gone.
#[test]
fn a_request_for_an_end_whose_connection_is_gone_is_430() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let mut bob = Peer::tcp(&server, "bob");
    bob.sign_in();
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    drop(bob);
    // Whatever the server was told first: the BYE or the end of the connection.
    let bye = call.of_caller(&ana, "BYE", 9);
    let status = ana.ask(&bye).status();
    assert!(matches!(status, 430 | 500), "{status}");
    let again = call.of_caller(&ana, "BYE", 10);
    assert_eq!(ana.ask(&again).status(), 430);
}

/// RFC 3261 s16.4: a strict router before us puts our URI into the Request-URI.
#[test]
fn a_strict_router_before_us_is_understood() {
    let (_server, mut ana, mut bob) = two();
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    let mut strict = call.of_caller(&ana, "INFO", 5);
    strict.uri = uri_in(&call.caller_route);
    strict.more = format!("Route: <{}>\r\n", call.called_contact);
    ana.send(&strict.bytes());
    let came = bob.respond_to_next(200);
    assert_eq!(came.uri(), call.called_contact);
    assert!(came.all("Route").is_empty(), "{}", came.text());
    assert_eq!(ana.answer_to(&strict).status(), 200);
    // Our URI in both places is no way out of a loop.
    strict = strict.again();
    strict.more = format!("Route: {}\r\n", call.caller_route);
    ana.send(&strict.bytes());
    assert_eq!(bob.respond_to_next(200).uri(), strict.uri);
    assert_eq!(ana.answer_to(&strict).status(), 200);
}

/// RFC 3261 s16.6 step 6: the Request-URI travels at the end of Route past a strict router.
#[test]
fn a_strict_router_behind_us_finds_its_uri_in_the_request_uri() {
    let (_server, mut ana, mut bob) = two();
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    let strict =
        call.of_caller(&ana, "INFO", 5).with("Route: <sip:strict.example>, <sip:loose.example;lr>");
    ana.send(&strict.bytes());
    let came = bob.respond_to_next(200);
    assert_eq!(came.uri(), "sip:strict.example");
    let routes = came.all("Route");
    assert_eq!(routes, ["<sip:loose.example;lr>".to_owned(), format!("<{}>", call.called_contact)]);
    assert_eq!(ana.answer_to(&strict).status(), 200);
}

/// RFC 5626 s5.2: nothing is kept here for a dialog, so one over datagrams outlives a restart.
#[test]
fn a_call_over_datagrams_outlives_a_restart() {
    let (mut server, mut ana, mut bob) = two();
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    server.kill();
    server.start_again();
    // The tests' server comes back at another port; a real one does not.
    ana.move_to(server.udp);
    bob.move_to(server.udp);
    let request = call.of_called(&bob, "INFO", 7);
    passes(&mut bob, &mut ana, &request);
    let bye = call.of_caller(&ana, "BYE", 8);
    passes(&mut ana, &mut bob, &bye);
}

/// RFC 5627 s6.1: a GRUU within a dialog leads to that instance of the other end; the place in the
/// dialog, which nobody is challenged for, opens no way to a third person.
#[test]
fn a_gruu_within_a_dialog_reaches_the_other_end_and_nobody_else() {
    let server = campus(&["ana", "bob", "carol"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let (mut bob, mut carol) = (Peer::udp(&server, "bob"), Peer::udp(&server, "carol"));
    for (peer, instance) in [(&mut bob, "urn:uuid:1"), (&mut carol, "urn:uuid:2")] {
        let contact = format!("{};+sip.instance=\"<{instance}>\"", peer.contact());
        let draft = peer.registration(&[&contact]).with("Supported: gruu");
        assert_eq!(peer.ask_signed(&draft).status(), 200);
    }
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    let info = call.of_caller(&ana, "INFO", call.invite.cseq + 1);
    let info = Draft { uri: format!("sip:bob@{DOMAIN};gr=urn:uuid:1"), ..info };
    ana.send(&info.bytes());
    assert_eq!(bob.respond_to_next(200).uri(), uri_in(&bob.contact()));
    assert_eq!(ana.answer_to(&info).status(), 200);
    let info = call.of_caller(&ana, "INFO", call.invite.cseq + 2);
    let info = Draft { uri: format!("sip:carol@{DOMAIN};gr=urn:uuid:2"), ..info };
    ana.send(&info.bytes());
    bob.respond_to_next(200);
    assert_eq!(ana.answer_to(&info).status(), 200);
    carol.expect_silence();
}
