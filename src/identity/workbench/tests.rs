//! What a run comes to over servers that are scripted: those that say nothing, the wrong thing, or what
//! no directory here would say. `tests/it/workbench.rs` has a real one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{Identity, Ldap};
use crate::identity::ldap::guard::wire::{self, Head, operation};

fn trial(address: SocketAddr, change: impl FnOnce(&mut Ldap)) -> Trial {
    let mut identity = Identity::default();
    identity.ldap.urls = vec![format!("ldap://{address}")];
    change(&mut identity.ldap);
    Trial::configured(&identity, "campus.test")
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The run over the only server.
async fn steps(trial: &Trial) -> Vec<Step> {
    let told = Mutex::new(Vec::new());
    let report = run(trial, &Clock::system(), &|step| told.lock().unwrap().push(step.step)).await;
    assert_eq!(report.servers.len(), 1);
    let steps = report.servers.into_iter().next().unwrap().steps;
    let names: Vec<StepName> = steps.iter().map(|step| step.step).collect();
    assert_eq!(names, StepName::ALL, "always eight");
    assert_eq!(told.into_inner().unwrap(), names, "each was told as it ended");
    for finding in steps.iter().flat_map(|step| &step.findings) {
        let given: Vec<&str> = finding.arguments.keys().copied().collect();
        let mut declared = finding.code.arguments().to_vec();
        declared.sort_unstable();
        assert_eq!(given, declared, "{}", finding.code.key());
    }
    steps
}

/// The step that failed, which is the only one, and what was found first.
fn failed(steps: &[Step]) -> (StepName, Code) {
    let mut failed = steps.iter().filter(|step| step.state == State::Failed);
    let step = failed.next().unwrap_or_else(|| panic!("nothing failed: {steps:#?}"));
    assert!(failed.next().is_none(), "{steps:#?}");
    let bad = step.findings.iter().find(|finding| finding.code.state() == State::Failed);
    let after = steps.iter().filter(|other| other.step > step.step);
    assert!(after.into_iter().all(|step| step.found(Code::NotRun)), "{steps:#?}");
    (step.step, bad.unwrap().code)
}

fn message(id: u32, rest: &[u8]) -> Vec<u8> {
    let id = u8::try_from(id).unwrap();
    let mut out = vec![0x30, 0x82, 0, 0, 0x02, 0x01, id];
    out.extend_from_slice(rest);
    let length = u16::try_from(out.len() - 4).unwrap().to_be_bytes();
    out[2..4].copy_from_slice(&length);
    out
}

/// A result with a text.
fn result(kind: u8, code: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let mut out = vec![kind, 0x81, 8 + length, 0x0a, 1, code, 4, 0, 4, 0x81, length];
    out[2] = u8::try_from(out.len() - 3).unwrap() + length;
    out.extend_from_slice(text.as_bytes());
    out
}

/// What is answered to a question, by its number and its kind.
type Answers = Arc<dyn Fn(u32, u8) -> Vec<u8> + Send + Sync>;

/// Answers each question by its kind.
async fn serve(mut stream: TcpStream, answer: Answers, heard: Arc<Mutex<Vec<u8>>>) {
    let mut bytes = bytes::BytesMut::new();
    while matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
        while let Head::Message(length) = wire::head(&bytes)
            && bytes.len() >= length
        {
            let question = wire::question(&bytes[..length]).unwrap();
            heard.lock().unwrap().push(question.operation);
            let answer = answer(question.id, question.operation);
            if stream.write_all(&answer).await.is_err() {
                return;
            }
            bytes::Buf::advance(&mut bytes, length);
        }
    }
}

/// A server of one's own words, and the kinds of questions that it heard.
async fn scripted(
    answer: impl Fn(u32, u8) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let (listener, address) = listen().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (answer, questions): (Answers, _) = (Arc::new(answer), Arc::clone(&heard));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&questions)));
        }
    });
    (address, heard)
}

/// Security L23: a server that takes connections and says nothing costs one step, not the whole time.
#[tokio::test]
async fn a_server_that_says_nothing_is_told_within_three_seconds() {
    let (listener, address) = listen().await;
    let held = tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            streams.push(stream);
        }
    });
    let secure = format!("ldaps://{address}");
    for (url, start_tls) in
        [(format!("ldap://{address}"), false), (format!("ldap://{address}"), true), (secure, false)]
    {
        let trial = trial(address, |ldap| {
            ldap.urls = vec![url.clone()];
            ldap.start_tls = start_tls;
        });
        let clock = Clock::system();
        let began = clock.now();
        let steps = steps(&trial).await;
        let took = clock.now() - began;
        assert_eq!(failed(&steps), (StepName::Tls, Code::Silent), "{url} {start_tls}");
        assert!(took < Duration::from_secs(3), "{url}: {took:?}");
    }
    held.abort();
}

/// Security L19: when StartTLS is refused nothing else is asked.
#[tokio::test]
async fn a_server_that_refuses_starttls_hears_no_password() {
    let (address, heard) = scripted(|id, kind| match kind {
        operation::EXTENDED => message(id, &result(0x78, 2, "unsupported extended operation")),
        _ => message(id, &result(kind + 1, 0, "")),
    })
    .await;
    let mut trial = trial(address, |ldap| {
        ldap.start_tls = true;
        ldap.bind_dn = "cn=tagus".to_owned();
    });
    trial.password = BindPassword::Given(Zeroizing::new("canary".to_owned()));
    let steps = steps(&trial).await;
    assert_eq!(failed(&steps), (StepName::Tls, Code::StartTlsRefused));
    let answer = steps[2].answer.as_ref().unwrap();
    assert_eq!((answer.code, answer.name), (2, "protocolError"));
    assert_eq!(answer.diagnostic, "unsupported extended operation");
    let heard = heard.lock().unwrap();
    assert!(heard.iter().all(|kind| *kind == operation::EXTENDED), "{heard:x?}");
}

/// What is said in the clear after StartTLS was agreed would be taken for what TLS protects.
#[tokio::test]
async fn words_in_the_clear_after_starttls_end_the_connection() {
    let (address, _) = scripted(|id, _| {
        let mut said = message(id, &result(0x78, 0, ""));
        said.extend(message(2, &result(0x61, 0, "")));
        said
    })
    .await;
    let trial = trial(address, |ldap| ldap.start_tls = true);
    assert_eq!(failed(&steps(&trial).await), (StepName::Tls, Code::Injected));
}

/// Security L25: busy says nothing about a password.
#[tokio::test]
async fn codes_within_result_49_and_busy_are_told_apart() {
    let text = |data: &str| {
        format!(
            "80090308: LdapErr: DSID-0C090, comment: AcceptSecurityContext error, data {data}, v1"
        )
    };
    for (code, said, expected) in [
        (49, text("52e"), Code::Credentials),
        (49, text("533"), Code::AdDisabled),
        (49, text("701"), Code::AdExpired),
        (49, text("773"), Code::AdMustChange),
        (49, text("775"), Code::AdLocked),
        (49, String::new(), Code::Credentials),
        (51, "too many".to_owned(), Code::Busy),
        (13, String::new(), Code::NeedsEncryption),
        (34, String::new(), Code::BadBindDn),
        (53, String::new(), Code::BindRefused),
    ] {
        let answer = said.clone();
        let (address, _) = scripted(move |id, kind| match kind {
            operation::BIND => message(id, &result(0x61, code, &answer)),
            _ => message(id, &result(0x65, 0, "")),
        })
        .await;
        let mut trial = trial(address, |ldap| ldap.bind_dn = "cn=tagus".to_owned());
        trial.password = BindPassword::Given(Zeroizing::new("canary-of-bind".to_owned()));
        let steps = steps(&trial).await;
        assert_eq!(failed(&steps), (StepName::Bind, expected), "{code} {said}");
        let answer = steps[3].answer.as_ref().unwrap();
        assert_eq!((answer.code, answer.diagnostic.as_str()), (u32::from(code), said.as_str()));
        let told = format!("{steps:?}{}", serde_json::to_string(&steps).unwrap());
        assert!(!told.contains("canary"), "{told}");
    }
}

#[tokio::test]
async fn whoever_goes_takes_the_connection_along() {
    let (listener, address) = listen().await;
    let trial = trial(address, |_| {});
    let clock = Clock::system();
    let tell = |_: &Step| {};
    let mut running = Box::pin(run(&trial, &clock, &tell));
    let mut stream = tokio::select! {
        _ = &mut running => panic!("it ended before it was answered"),
        accepted = listener.accept() => accepted.unwrap().0,
    };
    let mut bytes = [0; 256];
    let asked = tokio::select! {
        _ = &mut running => panic!("it ended before it was answered"),
        read = stream.read(&mut bytes) => read.unwrap(),
    };
    assert!(asked > 0);
    drop(running);
    // Ends when the far side is closed, and not before.
    let closed = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut bytes)).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
}

/// All steps together have one limit, whatever each of them may take.
#[tokio::test]
async fn the_whole_run_ends_with_its_time() {
    let (address, _) = scripted(|id, kind| match kind {
        // Who it is, and that it lets us in; then nothing.
        operation::BIND => message(id, &result(0x61, 0, "")),
        _ if id == 1 => message(id, &result(0x65, 0, "")),
        _ => Vec::new(),
    })
    .await;
    let mut trial = trial(address, |_| {});
    trial.limits.total = Duration::from_millis(400);
    let clock = Clock::system();
    let began = clock.now();
    let steps = steps(&trial).await;
    assert!(clock.now() - began < Duration::from_millis(1_500), "{:?}", clock.now() - began);
    assert_eq!(failed(&steps).1, Code::OutOfTime, "{steps:#?}");
}

#[tokio::test]
async fn servers_that_are_no_directory_are_told_so() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let plain = trial(address, |_| {});
    assert_eq!(failed(&steps(&plain).await), (StepName::Tls, Code::Garbage));
    let secure = trial(address, |ldap| ldap.urls = vec![format!("ldaps://{address}")]);
    assert_eq!(failed(&steps(&secure).await), (StepName::Tls, Code::NotTls));
}

#[tokio::test]
async fn what_is_no_server_is_told_before_anything_is_sent() {
    let (listener, address) = listen().await;
    drop(listener);
    assert_eq!(failed(&steps(&trial(address, |_| {})).await), (StepName::Connect, Code::Refused));
    let no_host = trial(address, |ldap| ldap.urls = vec!["ldap://no-such-host.invalid".to_owned()]);
    assert_eq!(failed(&steps(&no_host).await), (StepName::Resolve, Code::NoAddress));
    let no_url = trial(address, |ldap| ldap.urls = vec!["http://x".to_owned()]);
    assert_eq!(failed(&steps(&no_url).await), (StepName::Resolve, Code::BadUrl));
    let none = trial(address, |ldap| ldap.urls.clear());
    assert_eq!(failed(&steps(&none).await), (StepName::Resolve, Code::NoServer));
}

/// A kept password that went wherever it is told would belong to whoever may try settings.
#[test]
fn the_kept_password_goes_only_where_it_is_in_use() {
    let mut identity = Identity::default();
    identity.ldap.bind_dn = "cn=tagus".to_owned();
    identity.ldap.bind_password_file = "/etc/tagus/bind.password".into();
    identity.ldap.ca_file = "/etc/tagus/ca.pem".into();
    let unsaved = |change: &dyn Fn(&mut Ldap), typed: Typed| {
        let mut ldap = identity.ldap.clone();
        change(&mut ldap);
        Trial::unsaved(&identity, "campus.test", ldap, typed)
    };
    let is_kept = |trial: Trial| matches!(trial.password, BindPassword::Configured);
    let is_withheld = |trial: Trial| matches!(trial.password, BindPassword::Withheld);
    assert!(is_kept(unsaved(&|ldap| ldap.base_dn = "ou=x".to_owned(), Typed::default())));
    let changes: [&dyn Fn(&mut Ldap); 6] = [
        &|ldap| ldap.urls = vec!["ldap://elsewhere".to_owned()],
        &|ldap| ldap.urls.push("ldap://elsewhere".to_owned()),
        &|ldap| ldap.start_tls = true,
        &|ldap| ldap.bind_dn = "cn=other".to_owned(),
        &|ldap| ldap.bind_password_file = "/etc/shadow".into(),
        &|ldap| ldap.ca_file = std::path::PathBuf::new(),
    ];
    for change in changes {
        assert!(is_withheld(unsaved(change, Typed::default())));
        let password = Some(Zeroizing::new("typed".to_owned()));
        let given = unsaved(change, Typed { password, authority: None });
        assert!(matches!(given.password, BindPassword::Given(_)));
    }
    let authority = Typed { password: None, authority: Some("PEM".to_owned()) };
    let pasted = unsaved(&|_| {}, authority);
    assert_eq!(pasted.authorities, Authorities::Text("PEM".to_owned()));
    assert!(is_withheld(pasted));
    let other = unsaved(&|ldap| ldap.ca_file = "/etc/shadow".into(), Typed::default());
    assert_eq!(other.authorities, Authorities::Withheld);
}

#[tokio::test]
async fn a_withheld_password_is_asked_for_and_not_read() {
    let (address, heard) = scripted(|id, kind| {
        message(id, &result(kind + 1 + u8::from(kind == operation::SEARCH), 0, ""))
    })
    .await;
    let mut trial = trial(address, |ldap| ldap.bind_dn = "cn=tagus".to_owned());
    trial.password = BindPassword::Withheld;
    assert_eq!(failed(&steps(&trial).await), (StepName::Bind, Code::PasswordNeeded));
    assert!(!heard.lock().unwrap().contains(&operation::BIND));
    // RFC 4513 s5.1.2: nor is an empty one.
    for empty in ["", "a\0b"] {
        trial.password = BindPassword::Given(Zeroizing::new(empty.to_owned()));
        assert_eq!(failed(&steps(&trial).await), (StepName::Bind, Code::EmptyPassword));
    }
    assert!(!heard.lock().unwrap().contains(&operation::BIND));
}

/// Whoever awaits it may move between threads.
#[test]
fn a_run_can_be_sent() {
    fn is_send<T: Send>(_: &T) {}
    let (identity, clock) = (Identity::default(), Clock::system());
    let trial = Trial::configured(&identity, "campus.test");
    is_send(&run(&trial, &clock, &|_| {}));
}
