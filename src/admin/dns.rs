//! The records that clients find this server by: which there should be, how they are, and as a file.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use crate::accounts::csv;
use crate::operations::{
    DnsPurpose, DnsRecord, DnsRequest, DnsState, DnsView, Failure, Reply, Request, Right,
};
use crate::web::{Access, Key, Route, Shell, Visit, render};

/// The routes of the records.
pub(super) fn routes() -> Vec<Route> {
    let (inspect, administer) = (Access::Right(Right::Inspect), Access::Right(Right::Administer));
    vec![
        Route::get("/admin/dns", inspect, page),
        Route::post("/admin/dns/check", administer, check),
        Route::get("/admin/dns/zone.txt", inspect, zone),
        Route::get("/admin/dns/records.csv", inspect, as_csv),
    ]
}

#[derive(Template)]
#[template(path = "admin/dns.html")]
struct DnsPage {
    shell: Shell,
    done: Option<String>,
    checked: Option<String>,
    servers: String,
    may_check: bool,
    needed: Vec<DnsRecord>,
    others: Vec<DnsRecord>,
    zone: String,
    lines: usize,
    /// Whether an address differs, which may be right behind another one.
    address_differs: bool,
    /// How many records are not as they should be; none while nothing was looked up.
    wrong: Option<usize>,
}

impl DnsPage {
    fn purpose(&self, purpose: &DnsPurpose) -> String {
        let t = self.shell.t;
        match purpose {
            DnsPurpose::Host => t.get("dns-host"),
            DnsPurpose::SipTls => t.get("dns-sip-tls"),
            DnsPurpose::SipTcp => t.get("dns-sip-tcp"),
            DnsPurpose::SipUdp => t.get("dns-sip-udp"),
            DnsPurpose::Msrp => t.get("dns-msrp"),
            DnsPurpose::Xcap => t.get("dns-xcap"),
        }
    }

    fn state(&self, state: &DnsState) -> String {
        let t = self.shell.t;
        match state {
            DnsState::Unchecked => t.get("dns-unchecked"),
            DnsState::Ok => t.get("dns-ok"),
            DnsState::Missing => t.get("dns-missing"),
            DnsState::Differs => t.get("dns-differs"),
            DnsState::Unanswered => t.get("dns-unanswered"),
            DnsState::NotNeeded => t.get("dns-not-needed"),
        }
    }

    const fn level(&self, state: &DnsState) -> &'static str {
        match state {
            DnsState::Ok => "ok",
            DnsState::Missing => "error",
            DnsState::Differs | DnsState::Unanswered => "warn",
            DnsState::Unchecked | DnsState::NotNeeded => "",
        }
    }
}

async fn view(visit: &Visit, request: DnsRequest) -> Result<DnsView, Failure> {
    match visit.desk().perform(&visit.actor(), Request::Dns(request)).await? {
        Reply::Dns(view) => Ok(*view),
        _ => Err(Failure::failed("the answer is of another kind")),
    }
}

/// `GET /admin/dns`: nothing is looked up.
async fn page(visit: Visit) -> Response {
    let view = match view(&visit, DnsRequest::Show).await {
        Ok(view) => view,
        Err(failure) => return answer::problem(&failure),
    };
    let shell = visit.shell(Key("dns-title"));
    let zone = view.zone();
    let own = visit.principal();
    let is_wrong = |one: &&DnsRecord| {
        !matches!(one.state, DnsState::Ok | DnsState::NotNeeded | DnsState::Unchecked)
    };
    let wrong = view.records.iter().filter(is_wrong).count();
    let address_differs = view
        .records
        .iter()
        .any(|one| one.purpose == DnsPurpose::Host && one.state == DnsState::Differs);
    let (others, needed): (Vec<_>, Vec<_>) =
        view.records.into_iter().partition(|one| one.state == DnsState::NotNeeded);
    let page = DnsPage {
        done: match visit.query.get("done") {
            "checked" => Some(shell.t.get("dns-done")),
            _ => None,
        },
        wrong: view.checked.is_some().then_some(wrong),
        checked: view.checked,
        servers: view.servers.join(", "),
        may_check: own.is_some_and(|own| Right::Administer.is_of_role(own.role)),
        needed,
        others,
        lines: zone.lines().count().clamp(2, 12),
        zone,
        address_differs,
        shell,
    };
    render(StatusCode::OK, &page)
}

/// `POST /admin/dns/check`.
async fn check(visit: Visit) -> Response {
    match view(&visit, DnsRequest::Check).await {
        Ok(_) => visit.go("/admin/dns?done=checked"),
        Err(failure) => answer::problem(&failure),
    }
}

/// `GET /admin/dns/zone.txt`.
async fn zone(visit: Visit) -> Response {
    match view(&visit, DnsRequest::Show).await {
        Ok(view) => answer::download("text/plain; charset=utf-8", "zone.txt", view.zone()),
        Err(failure) => answer::problem(&failure),
    }
}

/// `GET /admin/dns/records.csv`.
async fn as_csv(visit: Visit) -> Response {
    match view(&visit, DnsRequest::Show).await {
        Ok(view) => {
            let mut out = "name,type,value,state,found\r\n".to_owned();
            for one in &view.records {
                let found = one.found.join(" | ");
                let fields = [&*one.name, &one.kind, &one.value, one.state.name(), &found];
                csv::write_guarded(&fields, &mut out);
            }
            answer::download("text/csv; charset=utf-8", "records.csv", out)
        }
        Err(failure) => answer::problem(&failure),
    }
}
