//! What a button can mend: for what was found, the fields that it fills.

use super::draft::pairs;
use crate::identity::workbench::Code;
use crate::operations::{TrialDetail, TrialFinding, TrialSettings, TrialStep};
use crate::web::Texts;

/// A button that fills fields of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fix {
    /// What is on it.
    pub(super) label: String,
    /// What it fills in.
    pub(super) pairs: String,
}

/// What a button can do about a finding on a server.
pub(super) fn of(
    t: Texts,
    tried: &TrialSettings,
    url: &str,
    step: &TrialStep,
    finding: &TrialFinding,
) -> Option<Fix> {
    let code = Code::parse(&finding.code)?;
    let argument = |name: &str| finding.arguments.get(name).map_or("", String::as_str);
    let take =
        |value: &str, pairs: String| Some(Fix { label: t.of("fix-take", "value", value), pairs });
    match code {
        Code::OtherPort => {
            let other = argument("url");
            take(other, pairs([("urls", replaced(tried, url, other).as_str())]))
        }
        Code::SpeaksPlain | Code::SpeaksTls => {
            let other = argument("url");
            let start_tls = if code == Code::SpeaksPlain { "yes" } else { "" };
            let urls = replaced(tried, url, other);
            let label = match code {
                Code::SpeaksPlain => t.of("fix-start-tls-with", "value", other),
                _ => t.of("fix-take", "value", other),
            };
            Some(Fix { label, pairs: pairs([("urls", urls.as_str()), ("start_tls", start_tls)]) })
        }
        Code::PlainOffers => start_tls(t),
        Code::NeedsEncryption if url.starts_with("ldap://") => start_tls(t),
        Code::WrongName => {
            let name = argument("names").split(", ").find(|name| !name.contains('*'))?;
            let other = with_host(url, name)?;
            take(&other, pairs([("urls", replaced(tried, url, &other).as_str())]))
        }
        Code::AuthorityShown => {
            let TrialDetail::Chain { certificates, trustable } = &step.detail else { return None };
            let shown = certificates.get((*trustable)?)?;
            let pairs = pairs([("ca_pem", shown.pem.as_str())]);
            Some(Fix { label: t.get("fix-trust"), pairs })
        }
        Code::OtherFilter => take(argument("filter"), pairs([("user_filter", argument("filter"))])),
        Code::NoUserInFilter => {
            let filter = format!("({}={{user}})", tried.ldap.attribute_user);
            take(&filter, pairs([("user_filter", filter.as_str())]))
        }
        Code::Elsewhere => take(argument("base"), pairs([("base_dn", argument("base"))])),
        Code::NoBaseNear => take(argument("nearest"), pairs([("base_dn", argument("nearest"))])),
        Code::Known => {
            let TrialDetail::Server { vendor, preset } = &step.detail else { return None };
            if preset.is_empty() {
                return None;
            }
            let pairs = pairs(preset.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            Some(Fix { label: t.of("fix-preset", "vendor", vendor.as_str()), pairs })
        }
        _ => None,
    }
}

fn start_tls(t: Texts) -> Option<Fix> {
    Some(Fix { label: t.get("fix-start-tls"), pairs: pairs([("start_tls", "yes")]) })
}

/// The servers that were tried, with one in the place of another.
fn replaced(tried: &TrialSettings, url: &str, other: &str) -> String {
    let urls = tried.ldap.urls.iter();
    urls.map(|one| if one == url { other } else { one }).collect::<Vec<_>>().join("\n")
}

/// The same URL with another host.
fn with_host(url: &str, host: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let port = match authority.rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|b| b.is_ascii_digit()) => format!(":{port}"),
        _ => String::new(),
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Some(format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::draft::Draft;
    use super::*;
    use crate::config::Ldap;
    use crate::operations::TrialCertificate;

    fn filled(code: Code, arguments: &[(&str, &str)], detail: TrialDetail) -> Option<Draft> {
        let urls = vec!["ldap://a.test:1389".to_owned(), "ldaps://b.test".to_owned()];
        let tried = TrialSettings {
            ldap: Ldap { urls, ..Ldap::default() },
            password: None,
            person: None,
            person_password: None,
        };
        let arguments: BTreeMap<String, String> =
            arguments.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let code = code.key().to_owned();
        let finding = TrialFinding { code, arguments, ..TrialFinding::default() };
        let step = TrialStep { detail, ..TrialStep::default() };
        let fix = of(Texts::default(), &tried, "ldap://a.test:1389", &step, &finding)?;
        assert!(!fix.label.is_empty());
        let mut draft = Draft::default();
        draft.fill(&fix.pairs);
        Some(draft)
    }

    #[test]
    fn what_was_found_fills_the_fields_that_mend_it() {
        let nothing = || TrialDetail::Nothing;
        let tls = filled(Code::SpeaksTls, &[("url", "ldaps://a.test:1389")], nothing()).unwrap();
        assert_eq!(tls.urls(), ["ldaps://a.test:1389", "ldaps://b.test"]);
        assert!(!tls.is_set("start_tls"));
        let plain = filled(Code::SpeaksPlain, &[("url", "ldap://a.test")], nothing()).unwrap();
        assert!(plain.is_set("start_tls"));
        let name = filled(Code::WrongName, &[("names", "*.test, dc1.test")], nothing()).unwrap();
        assert_eq!(name.urls()[0], "ldap://dc1.test:1389");
        let base = filled(Code::Elsewhere, &[("base", "ou=p,dc=x")], nothing()).unwrap();
        assert_eq!(base.value("base_dn"), "ou=p,dc=x");
        let preset = vec![("attribute_id".to_owned(), "objectGUID".to_owned())];
        let server = TrialDetail::Server { vendor: "AD".to_owned(), preset };
        assert_eq!(filled(Code::Known, &[], server).unwrap().value("attribute_id"), "objectGUID");
        let shown = TrialCertificate { pem: "PEM".to_owned(), ..TrialCertificate::default() };
        let chain = |trustable| TrialDetail::Chain { certificates: vec![shown.clone()], trustable };
        let trust = filled(Code::AuthorityShown, &[], chain(Some(0))).unwrap();
        assert_eq!(trust.value("ca_pem"), "PEM");
        assert!(filled(Code::AuthorityShown, &[], chain(None)).is_none());
        assert!(filled(Code::Credentials, &[], nothing()).is_none());
    }
}
