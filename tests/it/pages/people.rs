//! People on the console: the list, adding, changing, groups, import, jobs.

use serde_json::json;
use tagus::model::Role;
use tagus::operations::{Existing, Request, Secret};

use super::{WEB, add_console, ask, nothing, walk};
use crate::support::server::Server;

/// Names that want to be more than names.
const HOSTILE: &str = "user,name,mail,groups\n\
    svg,<svg onload=alert(1)>,<svg@campus.test,<b>x</b>\n\
    quotes,\"\"\"><script>alert(1)</script>\",a'b@campus.test,\"\"\"onfocus=alert(1)\"\n\
    right,a\u{202e}txt.exe\u{200f},right@campus.test,staff\n\
    formula,=HYPERLINK(1),x@campus.test,staff\n";

#[test]
fn people_are_looked_for_added_changed_and_imported_in_both_languages() {
    let server = Server::start(WEB);
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "rui", Role::Admin);
    add_console(&server, "eva", Role::ReadOnly);
    let mut csv = HOSTILE.to_owned();
    let long = "W".repeat(400);
    csv.push_str(&format!("long{},{long},{long}@campus.test,{long}\n", "g".repeat(200)));
    for n in 0..60 {
        csv.push_str(&format!("p{n:02},Pessoa Conceição {n:02},p{n:02}@campus.test,class-1\n"));
    }
    let csv = Secret::new(csv);
    ask(&server, &Request::UserImport { csv, existing: Existing::Fail, dry_run: false });
    server.add_device("p01", "telephone");
    ask(&server, &Request::UserDisable { user: "p02".to_owned() });
    walk(&server, "people", &json!({}), 80, nothing);
}
