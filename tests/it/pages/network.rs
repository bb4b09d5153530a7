//! Certificates and DNS records.

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tagus::model::Role;

use super::{add_console, nothing, walk};
use crate::support::names::Names;
use crate::support::server::{DOMAIN, Server};

// WCAG 2.2 AA by axe-core.
#[test]
fn certificates_and_records_are_shown_in_every_form() {
    let names = Names::start();
    names.naptr(DOMAIN, "SIPS+D2T", &format!("_sips._tcp.{DOMAIN}."));
    names.srv(&format!("_sip._tcp.{DOMAIN}"), 5060, "<svg>.evil.test.");
    let web = "[web]\nlisten = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]\n\
               [tls]\nmode = \"auto\"\n";
    let server = Server::start_with(&format!("name_servers = [\"{}\"]\n", names.address), web);
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "rui", Role::Owner);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![DOMAIN.to_owned()]).expect("names");
    let chain = params.self_signed(&key).expect("made").pem();
    let facts = json!({ "chain": chain, "key": key.serialize_pem() });
    walk(&server, "network", &facts, 40, nothing);
}
