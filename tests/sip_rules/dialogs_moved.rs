//! RFC 3261 s12.2.1.1, s12.2.1.2: a dialog whose end has moved goes on where that is now.

use crate::dialogs::{Call, passes, uri_in};
use crate::peer::{Draft, Peer};
use crate::{campus, two};

/// A re-INVITE names the new Contact, as a telephone that changed its network sends it.
#[test]
fn an_end_that_moved_and_registered_there_is_reached_there() {
    let (server, mut ana, mut bob) = two();
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    let mut moved = Peer::udp(&server, "bob");
    let gone = format!("{};expires=0", bob.contact());
    let draft = moved.registration(&[&moved.contact(), &gone]);
    assert_eq!(moved.ask_signed(&draft).status(), 200);
    let refresh = call.of_called(&moved, "UPDATE", 5);
    let refresh = refresh.with(&format!("Contact: {}", moved.contact()));
    passes(&mut moved, &mut ana, &refresh);
    let info = call.of_caller(&ana, "INFO", call.invite.cseq + 1);
    let info = Draft { uri: uri_in(&moved.contact()), ..info };
    passes(&mut ana, &mut moved, &info);
    bob.expect_silence();
}

/// The place in a dialog aims nothing at an address that its other end has not registered, nor at
/// contacts of anybody else.
#[test]
fn a_request_uri_that_the_other_end_has_not_registered_changes_nothing() {
    let server = campus(&["ana", "bob", "carol"]);
    let mut ana = Peer::udp(&server, "ana");
    let (mut bob, mut carol) = (Peer::udp(&server, "bob"), Peer::udp(&server, "carol"));
    let mut stranger = Peer::udp(&server, "nobody");
    for peer in [&mut ana, &mut bob, &mut carol] {
        peer.sign_in();
    }
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    for (more, elsewhere) in [carol.contact(), stranger.contact()].into_iter().enumerate() {
        let cseq = call.invite.cseq + 1 + u32::try_from(more).expect("a number");
        let info = call.of_caller(&ana, "INFO", cseq);
        let info = Draft { uri: uri_in(&elsewhere), ..info };
        passes(&mut ana, &mut bob, &info);
    }
    carol.expect_silence();
    stranger.expect_silence();
}

/// RFC 5626 s5.3.1 has 430 for a flow that is gone; who has come back with the same contact is there.
#[test]
fn an_end_that_came_back_over_another_connection_is_reached_over_that() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let behind = "sip:bob@10.9.8.7:5060;transport=tcp";
    let contact = format!("<{behind}>");
    let mut bob = Peer::tcp(&server, "bob");
    let draft = bob.registration(&[&contact]);
    assert_eq!(bob.ask_signed(&draft).status(), 200);
    let call = Call::answered(&mut ana, &mut bob);
    ana.send(&call.of_caller(&ana, "ACK", call.invite.cseq).bytes());
    assert_eq!(bob.request().method(), "ACK");
    drop(bob);
    while server.run(&["status", "--json"], None).json()["bindings"] != 1 {}
    let bye = |cseq| {
        let bye = call.of_caller(&ana, "BYE", call.invite.cseq + cseq);
        Draft { uri: behind.to_owned(), ..bye }
    };
    let (first, second) = (bye(1), bye(2));
    assert_eq!(ana.ask(&first).status(), 430);
    let mut bob = Peer::tcp(&server, "bob");
    let draft = bob.registration(&[&contact]);
    assert_eq!(bob.ask_signed(&draft).status(), 200);
    passes(&mut ana, &mut bob, &second);
}
