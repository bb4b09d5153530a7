//! Who connects, by `a=setup`.

use tagus::msrp::peer::SessionOptions;
use tagus::msrp::peer::comedia::{Setup, offerer_connects};

use crate::pair::{ANYWHERE, message, plain, soon};

// RFC 6135 s4.2.2, s4.2.3
#[tokio::test]
async fn whoever_can_be_reached_is_connected_to() {
    for (we, they) in [(true, true), (true, false), (false, true)] {
        let (ours, theirs) = (plain(), plain());
        for (endpoint, _) in [(&ours, we), (&theirs, they)].into_iter().filter(|(_, open)| *open) {
            endpoint.listen(ANYWHERE).await.expect("a port");
        }
        let offered = Setup::parse(Setup::offered(we).as_str());
        let answered = Setup::answered(offered, they).expect("somebody can be reached");
        let (offer, answer) = (
            ours.offer(false, SessionOptions::default()),
            theirs.offer(false, SessionOptions::default()),
        );
        let (our_path, their_path) = (offer.path().clone(), answer.path().clone());
        // RFC 6135 s4.2.2: who accepts no connections names port 9.
        assert_eq!(our_path.first().port() == Some(9), !we);
        assert_eq!(their_path.first().port() == Some(9), !they);
        let we_connect = offerer_connects(Some(answered));
        let (active, passive) = if we_connect {
            let waiting = answer.wait(Some(&our_path));
            soon(async { tokio::join!(offer.connect(&their_path), waiting) }).await
        } else {
            let waiting = offer.wait(Some(&their_path));
            soon(async { tokio::join!(answer.connect(&our_path), waiting) }).await
        };
        let (mut active, mut passive) = (active.expect("connected"), passive.expect("bound"));
        let there = active.text("there").await;
        assert_eq!(message(&mut passive).await.body, "there", "{we} {they}");
        let back = passive.text("back").await;
        assert_eq!(message(&mut active).await.body, "back", "{we} {they}");
        drop((there, back));
    }
}

// RFC 6135 s4.2.3: then only a relay helps.
#[test]
fn two_that_cannot_be_reached_have_no_way() {
    assert_eq!(Setup::answered(Some(Setup::offered(false)), false), None);
}

// RFC 4975 s5.4: the peer may come as soon as it knows the path.
#[tokio::test]
async fn a_peer_may_come_before_it_is_looked_for() {
    let (left, right) = (plain(), plain());
    right.listen(ANYWHERE).await.expect("a port");
    let offer = right.offer(false, SessionOptions::default());
    let path = offer.path().clone();
    let waiting = offer.wait(None);
    let connected = soon(left.connect(&path, SessionOptions::default())).await;
    assert!(connected.is_ok(), "{connected:?}");
    assert!(soon(waiting).await.is_ok());
}
