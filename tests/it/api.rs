//! The API against schemathesis, which asks for what nobody thought of: no answer is a failure of the
//! server, and each is what the description says.

use std::process::Command;

use tagus::app::control::Client;
use tagus::model::{Role, Scope};
use tagus::operations::{Reply, Request, TokenRequest};

use crate::notices::{application, campus};
use crate::support::repository;

/// Asked of each line of the API at most.
const EXAMPLES: &str = "12";

#[test]
fn nothing_that_is_asked_makes_the_server_fail_or_say_what_it_does_not_describe() {
    let mut server = campus(&["ana", "rui"]);
    application(&server, "mail", "Mail");
    let make = TokenRequest::Make {
        name: "schemathesis".to_owned(),
        scopes: Scope::ALL.to_vec(),
        role: Role::Owner,
        expires_at: None,
        networks: Vec::new(),
    };
    let socket = server.data_dir().join("tagus.sock");
    let made = Client::connect(&socket).expect("a server").call(&Request::Token(make));
    let Ok(Reply::TokenSecret(made)) = made else { panic!("no token: {made:?}") };
    let site = format!("http://{}", server.web("http://"));
    let home = tempfile::tempdir().expect("a folder");
    // A head that is too large is refused by what reads heads.
    let statuses = "400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 429, 431";
    let settings = format!("[checks.negative_data_rejection]\nexpected-statuses = [{statuses}]\n");
    std::fs::write(home.path().join("schemathesis.toml"), settings).expect("a file");
    let asked = Command::new(repository("tests/.venv/bin/schemathesis"))
        .current_dir(home.path())
        .env("HOME", home.path())
        .args(["run", &format!("{site}/api/v1/openapi.json"), "--url", &site])
        .args(["--header", &format!("Authorization: Bearer {}", made.secret.expose())])
        // What a name or a rule document may be is no matter of a schema.
        .args(["--checks", "all", "--exclude-checks", "positive_data_acceptance"])
        .args(["--max-examples", EXAMPLES, "--seed", "1", "--workers", "1", "--no-shrink"])
        // What ends the server is asked elsewhere.
        .args(["--exclude-path", "/api/v1/restart"])
        .args(["--rate-limit", "100/s", "--request-timeout", "20", "--warnings", "off"])
        .output()
        .expect("schemathesis: tests/.venv/bin/pip install -r tests/peers/requirements.txt");
    let said = String::from_utf8_lossy(&asked.stdout);
    assert!(asked.status.success(), "{said}{}", String::from_utf8_lossy(&asked.stderr));
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["counters"]["panics"], 0, "{status}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
