//! Notices as administrators send them, and the applications that send others.

use serde_json::json;
use tagus::model::Role;

use super::{WEB, add_console, nothing, walk};
use crate::notices::hear;
use crate::support::server::Server;

#[test]
fn a_notice_is_looked_at_twice_before_it_is_sent_and_applications_get_their_tokens() {
    let server = Server::start(WEB);
    for (name, role) in [("ana", Role::Owner), ("rui", Role::Admin), ("eva", Role::ReadOnly)] {
        add_console(&server, name, role);
    }
    let file = server.data_dir().join("people.csv");
    let people = "user,name,mail,password,groups\njoão,João,,joão's password,staff\n";
    std::fs::write(&file, people).expect("a file");
    let imported = server.run(&["user", "import", file.to_str().expect("a path")], None);
    assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);
    walk(&server, "notice", &json!({ "person": "joão" }), 48, nothing);
    let heard = hear(&server, "joão", 2);
    let text = "O laboratório fecha às seis.\n\nThe lab closes at six.\n<svg onload=alert(1)>";
    assert_eq!(
        (&heard[0]["body"], &heard[1]["body"]),
        (&json!(text), &json!("Lab 2 closes at six."))
    );
}
