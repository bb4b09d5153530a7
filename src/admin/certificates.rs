//! Certificates: what is served and what it lacks, how it comes, and another one in its place.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::tokens::origin;
use super::{answer, qr};
use crate::operations::{CertificateRequest, Exit, Failure, Reply, Request, Right, Secret};
use crate::tls::{InstallError, Overview, Source};
use crate::web::{Access, Faults, Form, Key, Route, Shell, Texts, Visit, render};

/// Days before the end from which on a certificate is shown as a worry.
const LATE: u64 = 14;

/// The routes of certificates.
pub(super) fn routes() -> Vec<Route> {
    let (inspect, administer) = (Access::Right(Right::Inspect), Access::Right(Right::Administer));
    vec![
        Route::get("/admin/certificates", inspect, page),
        Route::post("/admin/certificates/install", administer, install),
        Route::post("/admin/certificates/remove", administer, remove),
        Route::post("/admin/certificates/renew", administer, renew),
        Route::post("/admin/certificates/reload", administer, reload),
    ]
}

#[derive(Template)]
#[template(path = "admin/certificates.html")]
struct CertificatesPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    all: Overview,
    source: String,
    source_detail: String,
    is_internal: bool,
    /// `ok`, `warn` or `error`, for how much is left.
    level: &'static str,
    acme: Vec<String>,
    may_change: bool,
    /// What was pasted; the key is never shown again.
    chain: String,
    qr: Option<String>,
    address: String,
}

/// `GET /admin/certificates`.
async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default()).await
}

async fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let request = Request::Certificates(CertificateRequest::Show);
    let all = match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::Certificates(all)) => *all,
        Ok(_) => return answer::unexpected(),
        Err(failure) => return answer::problem(&failure),
    };
    let shell = visit.shell(Key("certificates-title"));
    let t = shell.t;
    let done = match visit.query.get("done") {
        "installed" => Some(t.get("certificate-installed")),
        "removed" => Some(t.get("certificate-removed")),
        "renewed" => Some(t.get("certificate-renewed")),
        "reloaded" => Some(t.get("certificate-reloaded")),
        _ => None,
    };
    let address = address(visit).await;
    let (source, source_detail) = source(t, &all);
    let own = visit.principal();
    let page = CertificatesPage {
        faults,
        done,
        source,
        source_detail,
        is_internal: all.status.source == Source::Internal,
        level: match all.days_left {
            None => "error",
            Some(days) if days < LATE => "warn",
            Some(_) => "ok",
        },
        acme: acme(t, &shell, &all),
        may_change: own.is_some_and(|own| Right::Administer.is_of_role(own.role)),
        chain: handed_over(&visit.form).0,
        qr: qr::svg(&address, &t.get("authority-qr")),
        address,
        all,
        shell,
    };
    render(status, &page)
}

/// Where the certificate of the authority can be had.
async fn address(visit: &Visit) -> String {
    let origin = match visit.desk().perform(&visit.actor(), Request::Status).await {
        Ok(Reply::Status(status)) => origin(&status),
        _ => String::new(),
    };
    format!("{origin}/ca.crt")
}

/// Where the certificate comes from, in words.
fn source(t: Texts, all: &Overview) -> (String, String) {
    match all.status.source {
        Source::None => (t.get("source-none"), t.get("source-none-detail")),
        Source::Internal => (t.get("source-internal"), t.get("source-internal-detail")),
        Source::Acme => (t.get("source-acme"), t.get("source-acme-detail")),
        Source::Files if all.installed && all.takes_installed => {
            (t.get("source-installed"), t.get("source-installed-detail"))
        }
        Source::Files => (t.get("source-files"), t.get("source-files-detail")),
    }
}

/// How it stands with an ACME authority, in sentences.
fn acme(t: Texts, shell: &Shell, all: &Overview) -> Vec<String> {
    let Some(acme) = &all.acme else { return vec![t.get("acme-off")] };
    let mut said = vec![t.of("acme-asks", "names", acme.names.join(", "))];
    if acme.names.is_empty() {
        said = vec![t.get("acme-no-names")];
    }
    if !acme.can_prove {
        said.push(t.get("acme-no-proof"));
    }
    match (&acme.not_after, &acme.renewal) {
        (Some(end), Some(renewal)) => {
            let values = [("end", shell.when(end).into()), ("renewal", shell.when(renewal).into())];
            said.push(t.with("acme-has", values));
        }
        _ if acme.error.is_none() => said.push(t.get("acme-under-way")),
        _ => {}
    }
    if let Some(error) = &acme.error {
        said.push(t.of("acme-failed", "error", shell.show(error)));
        said.push(t.of("acme-again", "minutes", acme.wait.div_ceil(60)));
    }
    for (name, why) in &acme.unproved {
        let values = [("name", shell.show(name).into()), ("why", shell.show(why).into())];
        said.push(t.with("acme-unproved", values));
    }
    said
}

/// The chain and the key of a form. Some programs write both into one file, and somebody pastes it
/// where the chain goes: the key is taken out of there, so that no page shows it again.
fn handed_over(form: &Form) -> (String, Secret) {
    let (mut chain, mut key) = (String::new(), form.get("key").to_owned());
    let mut is_key = false;
    for line in form.get("chain").lines() {
        let edge = line.contains("PRIVATE KEY-----");
        is_key |= edge && line.contains("-----BEGIN");
        let out = if is_key { &mut key } else { &mut chain };
        out.push_str(line);
        out.push('\n');
        is_key &= !(edge && line.contains("-----END"));
    }
    (chain, Secret::new(key))
}

/// `POST /admin/certificates/install`.
async fn install(visit: Visit) -> Response {
    let (chain, key) = handed_over(&visit.form);
    let examine = CertificateRequest::Examine { chain: chain.clone(), key: key.clone() };
    match visit.desk().perform(&visit.actor(), Request::Certificates(examine)).await {
        Ok(Reply::Examined(None)) => {}
        Ok(Reply::Examined(Some(error))) => {
            let mut faults = Faults::default();
            let (field, text) = fault(visit.texts(), &error);
            faults.add(field, text);
            return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
        }
        Ok(_) => return answer::unexpected(),
        Err(failure) => return answer::problem(&failure),
    }
    change(&visit, CertificateRequest::Install { chain, key }, "installed").await
}

/// What is wrong with a certificate, at its field.
fn fault(t: Texts, error: &InstallError) -> (&'static str, String) {
    match error {
        InstallError::Decided => ("", t.get("install-decided")),
        InstallError::NoCertificate => ("chain", t.get("install-no-certificate")),
        InstallError::NoKey => ("key", t.get("install-no-key")),
        InstallError::LockedKey => ("key", t.get("install-locked-key")),
        InstallError::Mismatch => ("key", t.get("install-mismatch")),
        InstallError::Unusable(why) => ("chain", t.of("install-unusable", "why", why.as_str())),
        InstallError::Chain { at } => ("chain", t.of("install-chain", "at", *at as u64)),
        InstallError::Ended(when) => ("chain", t.of("install-ended", "when", when.to_string())),
        InstallError::Early(when) => ("chain", t.of("install-early", "when", when.to_string())),
        InstallError::OtherNames(names) => {
            ("chain", t.of("install-other-names", "names", names.join(", ")))
        }
        InstallError::File(why) => ("", why.clone()),
    }
}

/// Changes something, and comes back to say so.
async fn change(visit: &Visit, request: CertificateRequest, done: &str) -> Response {
    let outcome = visit.desk().perform(&visit.actor(), Request::Certificates(request)).await;
    match outcome {
        Ok(_) => visit.go(&format!("/admin/certificates?done={done}")),
        // Somebody else took it away meanwhile.
        Err(Failure { exit: Exit::NotFound, .. }) => visit.go("/admin/certificates"),
        Err(failure) => answer::problem(&failure),
    }
}

/// `POST /admin/certificates/remove`.
async fn remove(visit: Visit) -> Response {
    change(&visit, CertificateRequest::Remove, "removed").await
}

/// `POST /admin/certificates/renew`.
async fn renew(visit: Visit) -> Response {
    change(&visit, CertificateRequest::Renew, "renewed").await
}

/// `POST /admin/certificates/reload`.
async fn reload(visit: Visit) -> Response {
    change(&visit, CertificateRequest::Reload, "reloaded").await
}

#[cfg(test)]
mod tests {
    use super::*;

    // W39.
    #[test]
    fn a_key_among_the_certificates_is_taken_out_of_them() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN EC PRIVATE KEY-----\nBBBB\n-----END EC PRIVATE KEY-----\n";
        let form = |chain: &str, key: &str| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("chain", chain).append_pair("key", key);
            Form::parse(form.finish().as_bytes()).unwrap()
        };
        for text in [format!("{key}{one}{one}"), format!("{one}{key}{one}")] {
            let (chain, found) = handed_over(&form(&text, ""));
            assert_eq!((chain, found.expose()), (format!("{one}{one}"), key));
        }
        let (chain, found) = handed_over(&form(one, key));
        assert_eq!((chain.as_str(), found.expose()), (one, key));
        // Half of one is none to show either.
        let (chain, _) = handed_over(&form("-----BEGIN PRIVATE KEY-----\nBBBB", ""));
        assert_eq!(chain, "");
    }
}
