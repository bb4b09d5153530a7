//! TLS with a real slapd, and certificates of every kind that are made for the test.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use tagus::clock::{Clock, WallTime};
use tagus::identity::workbench::{Authorities, Code, Detail, State, Step, StepName, Trial};

use super::{assert_fails, step, steps, trial};
use crate::support::directory::{Directory, Plan};

/// An authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("an authority");
        Authority { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// A certificate for 127.0.0.1 unless it is changed, and its key.
    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "directory");
        params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

fn directory(certificate: &str, key: &str) -> Directory {
    let certificate = Some((certificate, key));
    Directory::open(&Plan { people: &[("ana", "x")], certificate, ..Plan::default() })
}

/// By StartTLS, and by the port that speaks TLS at once.
fn both(directory: &Directory, authority: Option<&str>) -> [Trial; 2] {
    let secure = directory.secure.expect("a port for TLS");
    [true, false].map(|start_tls| {
        let mut trial = trial(directory.address, |ldap| {
            ldap.start_tls = start_tls;
            if !start_tls {
                ldap.urls = vec![format!("ldaps://{secure}")];
            }
        });
        if let Some(pem) = authority {
            trial.authorities = Authorities::Text(pem.to_owned());
        }
        trial
    })
}

fn chain(step: &Step) -> &tagus::identity::workbench::Chain {
    match &step.detail {
        Some(Detail::Chain(chain)) => chain,
        other => panic!("no chain: {other:?}"),
    }
}

/// The authority that a server shows can be trusted; then all is well.
#[test]
fn an_authority_that_is_not_trusted_is_shown_and_can_be() {
    let (right, wrong) = (Authority::new("Campus CA"), Authority::new("Other CA"));
    let (certificate, key) = right.issue(|_| {});
    let shown = directory(&(certificate.clone() + &right.pem), &key);
    // One of the same name has another key, as after a renewal.
    let before = Authority::new("Campus CA");
    for mut trial in [&wrong, &before].into_iter().flat_map(|one| both(&shown, Some(&one.pem))) {
        let failed = assert_fails(&trial, StepName::Tls, &[Code::AuthorityShown]);
        let chain = chain(&failed);
        assert_eq!((chain.certificates.len(), chain.trustable), (2, Some(1)));
        let authority = &chain.certificates[1];
        assert!(authority.authority && authority.subject == "CN=Campus CA", "{authority:?}");
        assert_eq!(authority.pem.trim(), right.pem.replace('\r', "").trim());
        assert_eq!(authority.fingerprint.len(), 95);
        trial.authorities = Authorities::Text(authority.pem.clone());
        let steps = steps(&trial);
        let tls = step(&steps, StepName::Tls);
        assert_eq!(tls.state, State::Ok, "{tls:#?}");
        assert!(steps.iter().all(|step| step.state != State::Failed), "{steps:#?}");
    }
    // One that is not shown cannot be trusted from here, and the system's do not know it either.
    let hidden = directory(&certificate, &key);
    for trial in [None, Some(before.pem.as_str())].into_iter().flat_map(|one| both(&hidden, one)) {
        let failed = assert_fails(&trial, StepName::Tls, &[Code::UnknownAuthority]);
        assert_eq!(chain(&failed).trustable, None);
        assert!(failed.findings[0].says().contains("Campus CA"));
    }
}

/// Everything that is wrong is told at once.
#[test]
fn a_wrong_name_an_unknown_authority_and_a_date_are_told_apart() {
    let authority = Authority::new("Campus CA");
    let other_name = |params: &mut CertificateParams| {
        let name = "dc1.campus.test".try_into().expect("a name");
        params.subject_alt_names = vec![SanType::DnsName(name)];
    };
    let ended = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let trusted = Some(authority.pem.as_str());

    let (certificate, key) = authority.issue(other_name);
    let named = directory(&certificate, &key);
    for trial in both(&named, trusted) {
        let failed = assert_fails(&trial, StepName::Tls, &[Code::WrongName]);
        let finding = &failed.findings[0];
        assert_eq!(finding.arguments["names"], "dc1.campus.test");
        assert_eq!(finding.arguments["host"], "127.0.0.1");
    }
    for trial in both(&named, None) {
        assert_fails(&trial, StepName::Tls, &[Code::UnknownAuthority, Code::WrongName]);
    }
    drop(named);

    let (certificate, key) = authority.issue(ended);
    let old = directory(&certificate, &key);
    for trial in both(&old, trusted) {
        let failed = assert_fails(&trial, StepName::Tls, &[Code::Expired]);
        assert_eq!(failed.findings[0].arguments["until"], "2021-01-01T00:00:00Z");
        assert_eq!(chain(&failed).certificates[0].not_after, "2021-01-01T00:00:00Z");
    }
    for trial in both(&old, None) {
        assert_fails(&trial, StepName::Tls, &[Code::Expired, Code::UnknownAuthority]);
    }
    drop(old);

    let (certificate, key) = authority.issue(|params| {
        ended(params);
        other_name(params);
    });
    let poor = directory(&certificate, &key);
    for trial in both(&poor, trusted) {
        assert_fails(&trial, StepName::Tls, &[Code::Expired, Code::WrongName]);
    }
}

/// An authority in the place of a server, a date that has not come, and one that is near.
#[test]
fn certificates_that_will_not_do_or_not_for_long_are_told_so() {
    let authority = Authority::new("Campus CA");
    let trusted = Some(authority.pem.as_str());
    let (certificate, key) =
        authority.issue(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let itself = directory(&certificate, &key);
    for trial in both(&itself, trusted) {
        assert_fails(&trial, StepName::Tls, &[Code::AuthorityAsServer]);
    }
    drop(itself);

    let (certificate, key) = authority.issue(|params| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2091, 1, 1);
    });
    let early = directory(&certificate, &key);
    for trial in both(&early, trusted) {
        assert_fails(&trial, StepName::Tls, &[Code::NotYet]);
    }
    drop(early);

    let in_ten_days = WallTime::from_unix_secs(Clock::system().wall().unix_secs() + 10 * 86_400);
    let day = in_ten_days.civil();
    let (certificate, key) = authority.issue(|params| {
        let year = i32::try_from(day.year).expect("a year");
        params.not_after = date_time_ymd(year, day.month, day.day);
    });
    let late = directory(&certificate, &key);
    for trial in both(&late, trusted) {
        let steps = steps(&trial);
        let tls = step(&steps, StepName::Tls);
        assert!(tls.state == State::Warning && tls.found(Code::EndsSoon), "{tls:#?}");
    }
}

/// Security L21: at most 3 s, and the right way is named.
#[test]
fn a_port_that_is_spoken_to_the_wrong_way_is_told_so() {
    let authority = Authority::new("Campus CA");
    let (certificate, key) = authority.issue(|_| {});
    let directory = directory(&certificate, &key);
    let secure = directory.secure.expect("a port for TLS");
    let plain = directory.address;
    let clock = Clock::system();
    for (url, start_tls, code, right) in [
        (format!("ldaps://{plain}"), false, Code::SpeaksPlain, format!("ldap://{plain}")),
        (format!("ldap://{secure}"), false, Code::SpeaksTls, format!("ldaps://{secure}")),
        (format!("ldap://{secure}"), true, Code::SpeaksTls, format!("ldaps://{secure}")),
    ] {
        let trial = trial(plain, |ldap| {
            ldap.urls = vec![url];
            ldap.start_tls = start_tls;
        });
        let began = clock.now();
        let failed = assert_fails(&trial, StepName::Tls, &[code]);
        assert!(clock.now() - began < Duration::from_secs(3), "{failed:#?}");
        assert_eq!(failed.findings[0].arguments["url"], right);
    }
    // A server that could encrypt, and is not asked to.
    let steps = steps(&trial(plain, |_| {}));
    assert!(step(&steps, StepName::Tls).found(Code::PlainOffers), "{steps:#?}");
}

/// Security L19: a real server without a certificate.
#[test]
fn starttls_that_a_server_refuses_is_told_with_its_answer() {
    let directory = Directory::start(&[("ana", "x")]);
    let trial = trial(directory.address, |ldap| ldap.start_tls = true);
    let failed = assert_fails(&trial, StepName::Tls, &[Code::StartTlsRefused]);
    let answer = failed.answer.expect("an answer");
    assert_eq!(answer.code, 2, "{answer:?}");
}

#[test]
fn an_authority_that_is_no_certificate_is_told_so() {
    let directory = Directory::start(&[("ana", "x")]);
    let mut trial = trial(directory.address, |ldap| ldap.start_tls = true);
    for text in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        trial.authorities = Authorities::Text(text.to_owned());
        assert_fails(&trial, StepName::Tls, &[Code::AuthorityFile]);
    }
    trial.authorities = Authorities::Configured;
    trial.ldap.ca_file = "/nowhere/ca.pem".into();
    assert_fails(&trial, StepName::Tls, &[Code::AuthorityFile]);
    trial.authorities = Authorities::Withheld;
    assert_fails(&trial, StepName::Tls, &[Code::AuthorityWithheld]);
}
