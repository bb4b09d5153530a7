//! The certificate of our own authority, for devices that shall trust it, and what an authority
//! that is not ours wants to see.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::Site;
use super::problem::Problem;

/// `GET /ca.pem`.
pub(super) async fn pem(State(site): State<Arc<Site>>) -> Response {
    file(site.certificates.authority_pem(), "application/x-pem-file", "ca.pem")
}

/// `GET /ca.crt`: in DER form, which telephones and browsers install.
pub(super) async fn der(State(site): State<Arc<Site>>) -> Response {
    file(site.certificates.authority_der(), "application/x-x509-ca-cert", "ca.crt")
}

/// `GET /ca.mobileconfig`: a profile, which is how telephones of Apple install one.
pub(super) async fn profile(State(site): State<Arc<Site>>) -> Response {
    let certificates = &site.certificates;
    let profile = match (certificates.authority_pem(), certificates.authority_fingerprint()) {
        (Some(pem), Some(fingerprint)) => {
            Some(profile_of(pem, fingerprint, &site.about.domain).into_bytes())
        }
        _ => None,
    };
    file(profile.as_ref(), "application/x-apple-aspen-config", "ca.mobileconfig")
}

/// A profile that trusts a certificate. Its identifiers follow from the certificate, so that it
/// replaces itself when it is installed again.
fn profile_of(pem: &str, fingerprint: &str, domain: &str) -> String {
    let digits: String = fingerprint
        .chars()
        .filter(char::is_ascii_hexdigit)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let uuid = |from: usize| {
        let digits = digits.get(from..from.saturating_add(32)).unwrap_or_default();
        let part = |from, to| digits.get(from..to).unwrap_or_default();
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    };
    let escaped: String = domain.chars().filter(|c| !"<>&\"'".contains(*c)).collect();
    let short = digits.get(..16).unwrap_or_default();
    let (payload, profile) = (uuid(0), uuid(32));
    let data: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let entry = |key: &str, text: &str| format!("<key>{key}</key><string>{text}</string>\n");
    let one = "<key>PayloadVersion</key><integer>1</integer>\n";
    let name = format!("Tagus {escaped}");
    [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" ",
        "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n",
        "<plist version=\"1.0\">\n<dict>\n<key>PayloadContent</key>\n<array>\n<dict>\n",
        &entry("PayloadType", "com.apple.security.root"),
        &entry("PayloadIdentifier", &format!("tagus.authority.{short}.certificate")),
        &entry("PayloadUUID", &payload),
        &entry("PayloadDisplayName", &name),
        &entry("PayloadCertificateFileName", "ca.crt"),
        one,
        &format!("<key>PayloadContent</key>\n<data>{data}</data>\n</dict>\n</array>\n"),
        &entry("PayloadType", "Configuration"),
        &entry("PayloadIdentifier", &format!("tagus.authority.{short}")),
        &entry("PayloadUUID", &profile),
        &entry("PayloadDisplayName", &name),
        &entry("PayloadDescription", &format!("SHA-256 {fingerprint}")),
        one,
        "</dict>\n</plist>\n",
    ]
    .concat()
}

/// What an ACME authority looks for to see that a name leads here (RFC 8555 s8.3).
pub(super) async fn proof(State(site): State<Arc<Site>>, Path(token): Path<String>) -> Response {
    match site.certificates.acme_document(&token) {
        Some(document) => document.into_response(),
        None => Problem::new(StatusCode::NOT_FOUND, "nobody asked for that").into_response(),
    }
}

fn file<B>(bytes: Option<&B>, kind: &'static str, name: &str) -> Response
where
    B: AsRef<[u8]> + ?Sized,
{
    match bytes {
        Some(bytes) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers = [
                (header::CONTENT_TYPE, kind.to_owned()),
                (header::CONTENT_DISPOSITION, disposition),
            ];
            (headers, bytes.as_ref().to_vec()).into_response()
        }
        None => Problem::new(StatusCode::NOT_FOUND, "there is no authority").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_the_certificate_and_two_identifiers_that_stay() {
        let fingerprint = vec!["AB"; 32].join(":");
        let profile = profile_of("-----B\nZm9v\nYmFy\n-----E\n", &fingerprint, "campus.<test>");
        assert!(profile.contains("<data>Zm9vYmFy</data>"), "{profile}");
        assert!(profile.contains("ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB"), "{profile}");
        assert!(profile.contains("Tagus campus.test<"), "{profile}");
        assert_eq!(
            profile,
            profile_of("-----B\nZm9v\nYmFy\n-----E\n", &fingerprint, "campus.<test>")
        );
    }
}
