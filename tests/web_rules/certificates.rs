//! Certificates as clients see them, by rustls and by openssl.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tagus::clock::Clock;

use crate::http::{Site, ask, connect, read, roots};
use crate::support::program;
use crate::support::server::{DOMAIN, Server};

const PING: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Runs openssl with nothing on its standard input.
fn openssl(arguments: &[&str]) -> Output {
    Command::new(program("openssl", "openssl"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("openssl runs")
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[test]
fn the_downloaded_authority_verifies_the_server_and_openssl_agrees() {
    let site = Site::new("");
    let mut secure = site.connect_secure(DOMAIN, site.authority());
    assert_eq!(ask(&mut secure, PING).status, 200);

    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, site.ca_pem()).expect("a file");
    let ca = ca.to_string_lossy().into_owned();
    let leaf = site.server.data_dir().join("tls/internal.pem");
    for name in [DOMAIN, "localhost"] {
        let verified = openssl(&[
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-verify_hostname",
            name,
            "-CAfile",
            &ca,
            &leaf.to_string_lossy(),
        ]);
        assert!(verified.status.success(), "{name}: {}", said(&verified));
    }
    let text =
        openssl(&["x509", "-in", &leaf.to_string_lossy(), "-noout", "-ext", "subjectAltName"]);
    // RFC 5922 s7.1.
    assert!(said(&text).contains(&format!("URI:sip:{DOMAIN}")), "{}", said(&text));

    let at = site.secure.to_string();
    let verdict = openssl(&["s_client", "-connect", &at, "-CAfile", &ca, "-verify_return_error"]);
    assert!(said(&verdict).contains("Verify return code: 0 (ok)"), "{}", said(&verdict));
}

#[test]
fn both_forms_of_the_authority_have_the_fingerprint_of_status() {
    let site = Site::new("");
    let folder = tempfile::tempdir().expect("a folder");
    let pem = folder.path().join("ca.pem");
    fs::write(&pem, site.ca_pem()).expect("a file");
    let printed =
        openssl(&["x509", "-in", &pem.to_string_lossy(), "-noout", "-fingerprint", "-sha256"]);
    let status = site.server.run(&["status", "--json"], None).json();
    let fingerprint = status["tls"]["authority_fingerprint"].as_str().expect("a fingerprint");
    assert!(said(&printed).contains(fingerprint), "{} has no {fingerprint}", said(&printed));
    let der = site.get("/ca.crt");
    assert_eq!((der.status, der.header("content-type")), (200, Some("application/x-x509-ca-cert")));
    assert_eq!(status["tls"]["source"], "internal");
}

#[test]
fn old_versions_of_tls_are_refused() {
    let site = Site::new("");
    let at = site.secure.to_string();
    for version in ["-tls1", "-tls1_1"] {
        // The client's own policy must not be what refuses.
        let cipher = ["-cipher", "DEFAULT:@SECLEVEL=0"];
        let old = openssl(&["s_client", "-connect", &at, version, cipher[0], cipher[1]]);
        assert!(!old.status.success(), "{version}: {}", said(&old));
        // From the server: protocol_version, or handshake_failure where nothing else fits either.
        let alert = ["SSL alert number 70", "SSL alert number 40"];
        assert!(alert.iter().any(|alert| said(&old).contains(alert)), "{version}: {}", said(&old));
    }
    for version in ["-tls1_2", "-tls1_3"] {
        let new = openssl(&["s_client", "-connect", &at, version]);
        assert!(new.status.success(), "{version}: {}", said(&new));
    }
}

// RUSTSEC-2024-0399 was a panic on a hello in pieces.
#[test]
fn a_hello_that_comes_byte_by_byte_is_served() {
    let site = Site::new("");
    let mut secure = site.connect_secure(DOMAIN, site.authority());
    secure.sock.set_nodelay(true).expect("an option");
    let mut hello = Vec::new();
    secure.conn.write_tls(&mut hello).expect("a hello");
    for byte in hello {
        secure.sock.write_all(&[byte]).expect("a peer that reads");
    }
    assert_eq!(ask(&mut secure, PING).status, 200);
    assert_eq!(site.count("panics"), 0);
}

/// Writes a certificate for the names with its key, signed by itself, and gives its PEM.
fn supply(folder: &Path, names: &[&str]) -> String {
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let certificate =
        CertificateParams::new(names).and_then(|params| params.self_signed(&key)).expect("made");
    fs::write(folder.join("key.pem"), key.serialize_pem()).expect("a file");
    fs::write(folder.join("cert.pem"), certificate.pem()).expect("a file");
    certificate.pem()
}

/// Asks `status` until the certificates look as they should.
fn until(server: &Server, what: &str, good: impl Fn(&serde_json::Value) -> bool) {
    let clock = Clock::system();
    let started = clock.now();
    loop {
        let status = server.run(&["status", "--json"], None).json();
        if good(&status["tls"]) {
            return;
        }
        assert!(clock.now().since(started) < Duration::from_secs(20), "{what}: {}", status["tls"]);
    }
}

#[test]
fn a_certificate_is_replaced_and_a_broken_one_is_not_taken_while_connections_live() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = supply(folder.path(), &[DOMAIN]);
    let tls = format!(
        "[tls]\ncert_file = \"{0}/cert.pem\"\nkey_file = \"{0}/key.pem\"\n[limits]\nconnections_per_source = 300\n",
        folder.path().display()
    );
    let site = Site::new(&tls);
    let mut living: Vec<_> = (0..200).map(|_| site.connect_secure(DOMAIN, roots(&first))).collect();
    for connection in &mut living {
        let answer = ask(connection, PING);
        assert_eq!(answer.status, 200);
    }

    let second = supply(folder.path(), &[DOMAIN]);
    let ask_fresh = |pem: &str| {
        let mut fresh = site.connect_secure(DOMAIN, roots(pem));
        fresh.write_all(PING.as_bytes()).is_ok()
            && read(&mut fresh, false).is_some_and(|answer| answer.status == 200)
    };
    let is_second = |tls: &serde_json::Value| tls["error"].is_null() && ask_fresh(&second);
    until(&site.server, "the new certificate is served", is_second);

    // Broken, and SIGHUP on top of it: what was served is served on.
    fs::write(folder.path().join("cert.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n")
        .expect("a file");
    let pid = nix::unistd::Pid::from_raw(site.server.pid().try_into().expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).expect("a signal");
    until(&site.server, "the broken file is complained about", |tls| {
        tls["error"].as_str().is_some_and(|error| error.contains("cert.pem"))
    });
    assert!(ask_fresh(&second));
    for (number, connection) in living.iter_mut().enumerate() {
        assert_eq!(ask(connection, PING).status, 200, "connection {number} lives on");
    }
}

#[test]
fn files_that_cannot_be_used_do_not_keep_the_server_from_starting() {
    let site = Site::new(
        "[tls]\nmode = \"files\"\ncert_file = \"/nowhere/c\"\nkey_file = \"/nowhere/k\"\n",
    );
    let status = site.server.run(&["status", "--json"], None).json();
    assert_eq!(status["tls"]["source"], "internal");
    assert!(status["tls"]["error"].as_str().expect("an error").contains("/nowhere/"));
    assert_eq!(ask(&mut site.connect_secure(DOMAIN, site.authority()), PING).status, 200);
}

#[test]
fn a_trusted_certificate_promises_tls_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let pem = supply(folder.path(), &[DOMAIN]);
    let site = Site::new(&format!(
        "[tls]\ncert_file = \"{0}/cert.pem\"\nkey_file = \"{0}/key.pem\"\n",
        folder.path().display()
    ));
    let page = ask(&mut site.connect_secure(DOMAIN, roots(&pem)), PING);
    assert_eq!(page.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(site.get("/healthz").header("strict-transport-security"), None, "not in the clear");
}

#[test]
fn config_check_says_what_clients_would_find_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    supply(folder.path(), &["other.test"]);
    let check = |text: &str| {
        let file = folder.path().join("tagus.toml");
        fs::write(&file, format!("domain = \"{DOMAIN}\"\npublic_name = \"im.{DOMAIN}\"\n{text}"))
            .expect("a file");
        let output = Command::new(env!("CARGO_BIN_EXE_tagus"))
            .args(["config", "check", "--config"])
            .arg(&file)
            .output()
            .expect("tagus runs");
        said(&output)
    };
    let place = folder.path().display().to_string();
    let files =
        format!("[tls]\ncert_file = \"{place}/cert.pem\"\nkey_file = \"{place}/key.pem\"\n");
    let missing = check(&files);
    assert!(missing.contains(&format!("does not cover {DOMAIN}, im.{DOMAIN}")), "{missing}");
    fs::write(folder.path().join("key.pem"), KeyPair::generate().expect("a key").serialize_pem())
        .expect("a file");
    assert!(check(&files).contains("does not belong to"));
    fs::write(folder.path().join("key.pem"), "").expect("a file");
    assert!(check(&files).contains("holds no private key"));
    let authority = "[tls]\nacme = true\nacme_ca_file = \"/nowhere/ca.pem\"\n";
    assert!(check(authority).contains("/nowhere/ca.pem"), "{}", check(authority));
    assert!(check("[tls]\ncert_file = \"/x\"\n").contains("go together"));
}

#[test]
fn a_plain_request_to_the_secure_port_harms_nobody() {
    let site = Site::new("");
    let mut wrong = connect(site.secure);
    wrong.write_all(PING.as_bytes()).expect("a peer");
    assert!(read(&mut wrong, false).is_none_or(|answer| answer.status >= 400));
    assert_eq!(site.get("/healthz").status, 200);
}
