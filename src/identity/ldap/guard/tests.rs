use ldap3::exop::WhoAmI;
use ldap3::{Scope, SearchEntry, SearchResult};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

/// A message with everything after its number.
fn message(id: u8, rest: &[u8]) -> Vec<u8> {
    let mut inside = vec![0x02, 0x01, id];
    inside.extend_from_slice(rest);
    let mut out = vec![0x30];
    let length = u16::try_from(inside.len()).unwrap();
    out.push(0x82);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&inside);
    out
}

/// Success, with what follows it.
fn done(kind: u8, more: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 7, 0x0a, 1, 0, 4, 0, 4, 0];
    out[1] += u8::try_from(more.len()).unwrap();
    out.extend_from_slice(more);
    out
}

const ENTRY: &[u8] =
    b"\x64\x1a\x04\x05uid=x\x30\x11\x30\x0f\x04\x03uid\x31\x08\x04\x01x\x04\x03\xff\xfe\xfd";
const PAGE: &[u8] =
    b"\xa0\x26\x30\x24\x04\x161.2.840.113556.1.4.319\x04\x0a\x30\x08\x02\x01\x00\x04\x03abc";

/// Good answers to three questions that are open: a search as 1, a bind as 2, and who am I as 3.
fn answers() -> Vec<Vec<u8>> {
    let mut last = done(0x65, b"");
    last.extend_from_slice(PAGE);
    vec![
        message(1, ENTRY),
        message(1, b"\x73\x0a\x04\x08ldap://x"),
        message(1, b"\x79\x02\x80\x00"),
        message(2, &done(0x61, b"")),
        message(3, &done(0x78, b"\x8b\x04dn:x")),
        message(1, &last),
        message(1, &done(0x65, b"\xa3\x0a\x04\x08ldap://x")),
        message(0, &done(0x78, b"\x8a\x161.3.6.1.4.1.1466.20036")),
    ]
}

struct Talk {
    session: Session,
    far: DuplexStream,
}

async fn talk() -> Talk {
    let (near, far) = duplex(1 << 16);
    Talk { session: Session::over(near).await.unwrap(), far }
}

/// Asks three questions, has the server say `said`, and then waits until everything is over. Whether the
/// library fell over it.
async fn hear(said: &[u8]) -> bool {
    let Talk { session, mut far } = talk().await;
    let mut handles = [session.ldap.clone(), session.ldap.clone(), session.ldap.clone()];
    let [one, two, three] = &mut handles;
    let asked = async {
        let search = async {
            let Ok(SearchResult(rows, _)) = one.search("", Scope::Base, "(a=*)", ["1.1"]).await
            else {
                return;
            };
            let rows = rows.into_iter().filter(|row| !row.is_ref() && !row.is_intermediate());
            rows.map(SearchEntry::construct).for_each(drop);
        };
        let _ = tokio::join!(search, two.simple_bind("a", "b"), three.extended(WhoAmI));
    };
    let server = async {
        // All three are asked before anything is said.
        let mut bytes = BytesMut::new();
        let mut questions = 0;
        while questions < 3 {
            assert!(far.read_buf(&mut bytes).await.unwrap() > 0);
            while let Head::Message(length) = wire::head(&bytes)
                && bytes.len() >= length
            {
                bytes.advance(length);
                questions += 1;
            }
        }
        // A guard that has heard enough closes.
        let _ = far.write_all(said).await;
        drop(far);
    };
    tokio::join!(asked, server);
    drop(handles);
    let Session { ldap, mut tasks, .. } = session;
    drop(ldap);
    let mut fell = false;
    while let Some(ended) = tasks.join_next().await {
        fell |= ended.is_err();
    }
    fell
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// RFC 4511 s4.1.1: the good ones pass, or what follows would prove nothing.
#[test]
fn good_answers_reach_whoever_asked() {
    runtime().block_on(async {
        let Talk { session, mut far } = talk().await;
        let mut ldap = session.ldap.clone();
        let server = async {
            let mut bytes = [0; 512];
            assert!(far.read(&mut bytes).await.unwrap() > 0);
            let good = answers();
            for answer in [&good[0], &good[1], &good[2], &good[5]] {
                far.write_all(answer).await.unwrap();
            }
        };
        let (answer, ()) = tokio::join!(ldap.search("", Scope::Base, "(a=*)", ["1.1"]), server);
        let SearchResult(rows, result) = answer.unwrap();
        assert_eq!((rows.len(), result.rc, result.ctrls.len()), (1, 0, 1));
    });
}

/// RFC 4511 s4.1.1.1: an answer to no question is left out.
#[test]
fn an_answer_to_nothing_is_not_heard() {
    let open = Open::default();
    let search = || Question { operation: operation::SEARCH, answered: 0 };
    open.lock().unwrap().insert(1, search());
    let is = |message: &[u8]| is_wanted(message, &open);
    assert_eq!(is(&message(9, &done(0x65, b""))), Ok(false));
    // Of another kind than the question.
    assert!(matches!(is(&message(1, &done(0x61, b""))), Err(Fault::Garbage(_))));
    assert_eq!(is(&message(1, ENTRY)), Ok(true));
    assert_eq!(is(&message(1, &done(0x65, b""))), Ok(true));
    assert_eq!(is(&message(1, &done(0x65, b""))), Ok(false), "it was answered");
    assert!(matches!(is(&answers()[7]), Err(Fault::Notice(_))));
    // RFC 4511 s4.11: nor one to a question that is not waited for any more.
    open.lock().unwrap().insert(2, search());
    note(&message(9, b"\x50\x01\x02"), &open);
    assert_eq!(is(&message(2, ENTRY)), Ok(false));
    // What nobody answers is not waited for.
    note(&message(3, b"\x42\x00"), &open);
    assert!(open.lock().unwrap().is_empty());
}

#[test]
fn answers_without_end_to_one_question_end_the_connection() {
    let open = Open::default();
    open.lock().unwrap().insert(1, Question { operation: operation::SEARCH, answered: MOST - 40 });
    assert_eq!(is_wanted(&message(1, ENTRY), &open), Ok(true));
    assert_eq!(is_wanted(&message(1, ENTRY), &open), Err(Fault::TooMuch));
}

#[test]
fn what_is_no_message_is_called_what_it_looks_like() {
    for (said, kind) in [
        (&b"\x15\x03\x03\0\x02\x02\x28"[..], "TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n", "a web server"),
        (b"SSH-2.0-OpenSSH", "SSH"),
        (b"220 mail ESMTP", "a mail server"),
        (b"\x30\x00", "a broken LDAP server"),
        (b"\0\0\0", "nothing known"),
    ] {
        runtime().block_on(async {
            let Talk { session, mut far } = talk().await;
            let mut ldap = session.ldap.clone();
            far.write_all(said).await.unwrap();
            assert!(ldap.simple_bind("a", "b").await.is_err());
            assert_eq!(session.fault(), Fault::Garbage(kind), "{}", said.escape_ascii());
        });
    }
}

#[test]
fn endless_messages_end_the_connection() {
    runtime().block_on(async {
        let Talk { session, mut far } = talk().await;
        let mut ldap = session.ldap.clone();
        far.write_all(b"\x30\x84\x7f\xff\xff\xff").await.unwrap();
        assert!(ldap.simple_bind("a", "b").await.is_err());
        assert_eq!(session.fault(), Fault::TooMuch);
    });
}

/// Elements within elements: the library follows each, and 10,000 of them are the end of its stack and of
/// the process.
#[test]
fn what_is_nested_deep_is_not_followed() {
    let mut said = Vec::new();
    for inside in (0..100_000_u32).rev() {
        said.extend_from_slice(&[0x30, 0x84]);
        said.extend_from_slice(&(inside * 6).to_be_bytes());
    }
    assert_eq!(wire::head(&said), Head::Message(said.len()));
    assert!(!runtime().block_on(hear(&said)));
}

/// What is done to an answer.
#[derive(Clone, Debug)]
enum Damage {
    Set(usize, u8),
    Flip(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Twice(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    // Octets that begin what is nested, and lengths at the edges.
    let octet = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![
            0x00, 0x01, 0x04, 0x0a, 0x1f, 0x30, 0x31, 0x80, 0x84, 0xa0, 0xff
        ]),
    ];
    prop_oneof![
        (0..400_usize, octet.clone()).prop_map(|(at, to)| Damage::Set(at, to)),
        (0..400_usize, 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (0..400_usize, 1..9_usize).prop_map(|(at, many)| Damage::Remove(at, many)),
        (0..400_usize, prop::collection::vec(octet, 1..8))
            .prop_map(|(at, what)| Damage::Insert(at, what)),
        (0..8_usize).prop_map(Damage::Twice),
    ]
}

fn damaged(order: &[usize], damages: &[Damage]) -> Vec<u8> {
    let good = answers();
    let mut said = Vec::new();
    let pick = |place: &usize| good[place % good.len()].clone();
    said.extend(order.iter().flat_map(pick));
    for damage in damages {
        let length = said.len().max(1);
        match damage {
            Damage::Set(at, to) => said[at % length] = *to,
            Damage::Flip(at, bit) => said[at % length] ^= 1 << bit,
            Damage::Remove(at, many) => {
                let at = at % length;
                said.drain(at..said.len().min(at + many));
            }
            Damage::Insert(at, what) => {
                let at = at % length;
                said.splice(at..at, what.iter().copied());
            }
            Damage::Twice(which) => said.extend(pick(which)),
        }
        if said.is_empty() {
            return said;
        }
    }
    said
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever a server says, the library does not fall over it, and it comes to an end.
    #[test]
    fn damaged_answers_never_reach_the_library(
        order in prop::collection::vec(0..8_usize, 1..6),
        damages in prop::collection::vec(damage(), 0..5),
    ) {
        let said = damaged(&order, &damages);
        prop_assert!(!runtime().block_on(hear(&said)), "{}", said.escape_ascii());
    }
}
