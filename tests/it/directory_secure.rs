//! The server's own connections to a real slapd, encrypted.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

use crate::support::caller::Caller;
use crate::support::directory::{Directory, Plan};
use crate::support::server::Server;

/// An authority, and a certificate of it for 127.0.0.1 with its key.
fn certificates() -> (String, String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Campus CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority").pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    (authority, certificate.pem(), key.serialize_pem())
}

/// Security L19 to L22: by StartTLS and by the port that speaks TLS at once; an authority that is not
/// the right one lets nobody in, and no password goes to it.
#[test]
fn people_sign_in_over_tls_and_only_with_the_right_authority() {
    let (authority, certificate, key) = certificates();
    let (other, _, _) = certificates();
    let directory = Directory::open(&Plan {
        people: &[("ana", "secret-of-ana")],
        certificate: Some((&certificate, &key)),
        ..Plan::default()
    });
    let home = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (right, wrong) = (file("right.pem", &authority), file("wrong.pem", &other));
    let readable = directory.readable_configuration(directory.address);
    let plain = format!("ldap://{}", directory.address);
    let secure = format!("ldaps://{}", directory.secure.expect("a port for TLS"));
    for (url, start_tls) in [(&plain, true), (&secure, false)] {
        for (ca_file, status) in [(&right, 200), (&wrong, 503)] {
            let configuration = readable.replace(&plain, url)
                + &format!("start_tls = {start_tls}\nca_file = \"{ca_file}\"\n");
            let server = Server::start(&configuration);
            let answer = Caller::new(server.udp, "ana", "secret-of-ana").register(600);
            assert_eq!(answer.status, status, "{url} {ca_file}: {}", answer.text);
        }
    }
}
