//! What the API does beside people one by one: long work, tables, settings, certificates, queues.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};
use tagus::clock::Clock;
use tagus::model::{Role, Scope};
use tagus::operations::{JobRequest, JobState, Reply, Request};

use crate::api::{Program, control, owned, read, refused};
use crate::http::{Answer, ask};

const CSV: &str = "Content-Type: text/csv\r\n";

/// Looks at a job until it is over.
fn ended(api: &Program<'_>, begun: &Answer) -> Value {
    assert_eq!(begun.status, 202, "{begun:?}");
    let id = read(begun)["id"].as_str().expect("an id").to_owned();
    let place = format!("/api/v1/jobs/{id}");
    assert_eq!(begun.header("location"), Some(place.as_str()));
    let clock = Clock::system();
    let started = clock.now();
    loop {
        // Not with the token, which would be told that it asks too often.
        let show = Request::Jobs(JobRequest::Show { job: id.clone() });
        let Reply::Job(job) = control(api.site, &show) else { panic!("a job") };
        if job.state != JobState::Running {
            let told = read(&api.get(&place));
            assert_eq!(told, serde_json::to_value(&*job).expect("JSON"));
            return told;
        }
        assert!(clock.now().since(started) < Duration::from_secs(20), "{job:?}");
    }
}

/// A table, to its end.
fn whole_table(api: &Program<'_>, path: &str) -> String {
    let mut stream = api.site.connect();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        api.token
    );
    stream.write_all(request.as_bytes()).expect("a peer that reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(head.contains("content-type: text/csv; charset=utf-8"), "{head}");
    body.to_owned()
}

#[test]
fn people_are_imported_by_a_job_tried_first_and_exported_as_a_table() {
    let site = owned();
    let api = Program::owner(&site);
    let table = "user,name,groups\nrui,Rui Ramos,staff\neva,Éva,staff\na b,Nobody,\n";
    let path = "/api/v1/imports?dry_run=true&file=people.csv";
    let tried = ended(&api, &api.json("POST", path, &json!({"csv": table})));
    assert_eq!(tried["state"], "done", "{tried}");
    assert_eq!((&tried["kind"], &tried["subject"]), (&json!("import_trial"), &json!("people.csv")));
    assert_eq!((&tried["report"]["added"], &tried["report"]["failed"]), (&json!(2), &json!(1)));
    refused(&api.get("/api/v1/people/rui"), 404);
    let again = format!("/api/v1/jobs/{}/import", tried["id"].as_str().expect("an id"));
    let done = ended(&api, &api.send("POST", &again, "", ""));
    assert_eq!(done["report"]["added"], 2, "{done}");
    refused(&api.send("POST", &again, "", ""), 404);
    let result = format!("/api/v1/jobs/{}/result", done["id"].as_str().expect("an id"));
    let result = whole_table(&api, &result);
    assert!(result.contains("a b,Nobody"), "{result}");
    // As it is, with rows that change what is there.
    let table = "user,name\nrui,Rui R\n";
    let begun = api.send("POST", "/api/v1/imports?existing=update", CSV, table);
    assert_eq!(ended(&api, &begun)["report"]["changed"], 1);
    let edit = api.json("PATCH", "/api/v1/people/eva", &json!({"mail": "eva@campus.example"}));
    assert_eq!(edit.status, 204, "{edit:?}");
    let export = whole_table(&api, "/api/v1/people.csv");
    assert!(export.contains("\r\nuser,name,mail,") && export.contains("rui,Rui R"), "{export}");
    assert!(export.contains("eva@campus.example"), "{export}");
    let groups = read(&api.get("/api/v1/groups?limit=1"));
    assert_eq!(
        (&groups["items"][0]["name"], &groups["items"][0]["here"]),
        (&json!("staff"), &json!(2))
    );
    let jobs = read(&api.get("/api/v1/jobs"));
    assert_eq!(jobs["items"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_same_deed_for_many_people_is_done_for_as_many_as_were_looked_at() {
    let site = owned();
    let api = Program::owner(&site);
    for user in ["rui", "eva", "ines"] {
        let groups = if user == "ines" { json!([]) } else { json!(["staff"]) };
        let made = api.json("POST", "/api/v1/people", &json!({"user": user, "groups": groups}));
        assert_eq!(made.status, 201, "{made:?}");
    }
    let staff = |count| json!({"matching": {"group": "staff"}, "count": count});
    refused(&api.json("POST", "/api/v1/bulk/disable", &staff(3)), 409);
    let done = ended(&api, &api.json("POST", "/api/v1/bulk/disable", &staff(2)));
    assert_eq!((&done["report"]["changed"], &done["done"]), (&json!(2), &json!(2)), "{done}");
    assert_eq!(read(&api.get("/api/v1/people?state=disabled"))["total"], 2);
    let some = json!({"users": ["ines", "nobody"]});
    let done = ended(&api, &api.json("POST", "/api/v1/bulk/delete", &some));
    assert_eq!((&done["report"]["removed"], &done["report"]["failed"]), (&json!(1), &json!(1)));
    for wrong in [
        json!({}),
        json!({"users": ["rui"], "count": 1}),
        json!({"matching": {}}),
        json!({"matching": {"sort": "name"}, "count": 1}),
        json!({"users": ["rui"], "deed": "delete"}),
    ] {
        refused(&api.json("POST", "/api/v1/bulk/disable", &wrong), 422);
    }
    // Who helps people removes none, one by one or many.
    let helpdesk = Program::new(&site, Role::Helpdesk, Scope::ALL);
    refused(&helpdesk.json("POST", "/api/v1/bulk/delete", &some), 403);
    let enabled = json!({"users": ["rui"]});
    ended(&helpdesk, &helpdesk.json("POST", "/api/v1/bulk/enable", &enabled));
}

// W29: an import may be large, and nothing else.
#[test]
fn only_an_import_may_be_large_and_only_an_import_is_a_table() {
    let site = owned();
    let api = Program::owner(&site);
    let large = format!("user\nrui\n{}", "\n".repeat(1024 * 1024));
    assert_eq!(ended(&api, &api.send("POST", "/api/v1/imports", CSV, &large))["state"], "done");
    refused(&api.send("POST", "/api/v1/people", CSV, "user\nrui\n"), 415);
    refused(&api.send("POST", "/api/v1/imports", "", "user\nrui\n"), 415);
    refused(&api.text("POST", "/api/v1/imports", r#"{"csv":"user\n","dry_run":true}"#), 422);
    refused(&api.send("POST", "/api/v1/imports?existing=replace", CSV, "user\n"), 422);
    let mut stream = site.connect();
    let head = format!(
        "POST /api/v1/imports HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{CSV}\
         Content-Length: 8\r\n\r\n",
        api.token
    );
    stream.write_all(head.as_bytes()).expect("a peer that reads");
    stream.write_all(b"user\n\xff\xfe\n").expect("a peer that reads");
    refused(&ask(&mut stream, ""), 400);
    let head = format!(
        "POST /api/v1/imports HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{CSV}\
         Content-Length: {}\r\n\r\n",
        api.token,
        16 * 1024 * 1024 + 1
    );
    refused(&ask(&mut site.connect(), &head), 413);
}

// W39.
#[test]
fn settings_are_tried_changed_and_given_up_and_secrets_never_come_out() {
    let site = owned();
    let api = Program::owner(&site);
    let path = "/api/v1/settings?prefix=messages.max_held_per_user";
    let before = read(&api.get(path))["items"][0]["value"].clone();
    let change = json!({"changes": [{"key": "messages.max_held_per_user", "value": "77"}]});
    let tried = read(&api.json("POST", "/api/v1/settings/preview", &change));
    assert_eq!(tried["changes"][0]["new"], "77", "{tried}");
    assert_eq!(read(&api.get(path))["items"][0]["value"], before);
    assert_eq!(api.json("PATCH", "/api/v1/settings", &change).status, 200);
    assert_eq!(read(&api.get(path))["items"][0]["value"], "77");
    let wrong = json!({"changes": [{"key": "messages.max_held_per_user", "value": "many"}]});
    assert!(read(&api.json("POST", "/api/v1/settings/preview", &wrong))["problems"][0].is_object());
    refused(&api.json("PATCH", "/api/v1/settings", &wrong), 422);
    let given_up = json!({"keys": ["messages.max_held_per_user"]});
    assert_eq!(api.json("POST", "/api/v1/settings/reset", &given_up).status, 200);
    assert_eq!(read(&api.get(path))["items"][0]["value"], before);
    let secret = "canary-of-the-directory";
    let change = json!({"changes": [{"key": "identity.ldap.bind_password", "value": secret}]});
    for (method, path) in [("POST", "/api/v1/settings/preview"), ("PATCH", "/api/v1/settings")] {
        let answer = api.json(method, path, &change);
        assert!(!answer.body.contains(secret), "{answer:?}");
    }
    let all = api.get("/api/v1/settings");
    assert!(all.body.contains("identity.ldap.bind_password"));
    assert!(!all.body.contains(secret) && !api.get("/api/v1/audit").body.contains(secret));
    refused(&api.get("/api/v1/settings?prefix=nothing.such"), 404);
    // Who names a file has the server read it.
    let file = json!({"changes": [{"key": "identity.ldap.ca_file", "value": "/etc/shadow"}]});
    refused(&api.json("PATCH", "/api/v1/settings", &file), 422);
}

#[test]
fn certificates_records_figures_and_queues_are_told() {
    let site = owned();
    let api = Program::owner(&site);
    let fingerprint = || read(&api.get("/api/v1/certificates"))["status"]["fingerprint"].clone();
    let before = fingerprint();
    assert!(before.as_str().is_some_and(|text| !text.is_empty()));
    assert_eq!(api.send("POST", "/api/v1/certificates/renew", "", "").status, 204);
    assert_ne!(fingerprint(), before);
    assert_eq!(api.send("POST", "/api/v1/certificates/reload", "", "").status, 204);
    let none = json!({"chain": "no", "key": "no"});
    let examined = api.json("POST", "/api/v1/certificates/examine", &none);
    assert!(read(&examined)["problem"].is_string(), "{examined:?}");
    let installed = api.json("PUT", "/api/v1/certificates/installed", &none);
    assert!([409, 422].contains(&installed.status), "{installed:?}");
    assert!(read(&api.get("/api/v1/dns"))["records"].is_array());
    let figures = read(&api.get("/api/v1/history?window=2h&series=memory,online"));
    assert_eq!(figures["step"], 90);
    assert_eq!(figures["series"].as_array().map(Vec::len), Some(2), "{figures}");
    let figures = read(&api.get("/api/v1/history"));
    assert_eq!(figures["series"].as_array().map(Vec::len), Some(23));
    refused(&api.get("/api/v1/history?series=memory,secrets"), 422);
    refused(&api.get("/api/v1/history?window=1y"), 422);
    api.json("POST", "/api/v1/people", &json!({"user": "rui", "name": "Rui"}));
    let detail = read(&api.get("/api/v1/people/rui/detail"));
    assert_eq!(detail["name"]["value"], "Rui");
    assert_eq!(detail["held"]["count"], 0);
    assert_eq!(read(&api.get("/api/v1/registrations"))["total"], 0);
    refused(&api.send("DELETE", "/api/v1/people/rui/registrations/none", "", ""), 404);
    let log_out = api.send("DELETE", "/api/v1/people/rui/registrations", "", "");
    assert_eq!(read(&log_out)["ended"], 0);
    assert_eq!(read(&api.get("/api/v1/people/rui/failures"))["items"], json!([]));
    assert_eq!(read(&api.get("/api/v1/queues"))["items"], json!([]));
    refused(&api.get("/api/v1/queues?after=nothing+of+ours"), 422);
    assert_eq!(read(&api.get("/api/v1/people/rui/queue"))["queue"]["count"], 0);
    let offered = read(&api.send("POST", "/api/v1/people/rui/queue/deliver", "", ""));
    assert_eq!(offered["offered"], 0);
    // There is no device, so it waits.
    let tried = read(&api.send("POST", "/api/v1/people/rui/test-message", "", ""));
    assert!(tried["ending"].is_string(), "{tried}");
    refused(&api.send("DELETE", "/api/v1/people/rui/queue/4711", "", ""), 404);
    refused(&api.send("DELETE", "/api/v1/people/rui/queue/x", "", ""), 404);
    assert!(read(&api.send("DELETE", "/api/v1/people/rui/queue", "", ""))["dropped"].is_u64());
    assert_eq!(read(&api.get("/api/v1/bans/failing"))["items"], json!([]));
    assert!(read(&api.get("/api/v1/bans/bounds"))["items"][0]["key"].is_string());
    let answer = api.get("/api/v1/people/nobody/queue");
    refused(&answer, 404);
}
