//! Certificates: what is served, and what is served instead.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use crate::operations::{CertificateRequest, Reply, Request, Secret};

/// A certificate that is to be served.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCertificate {
    /// The chain in PEM form, the server's own certificate first.
    chain: String,
    /// Its private key in PEM form.
    key: Secret,
}

/// What was found of a certificate.
#[derive(Debug, Serialize, ToSchema)]
struct Examined {
    /// What would keep it from being installed; none if nothing would.
    problem: Option<String>,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const INSTALLED: &str = "/api/v1/certificates/installed";
    let sample = Request::Certificates;
    let (chain, key) = (String::new, Secret::default);
    let show = sample(CertificateRequest::Show);
    let examine = sample(CertificateRequest::Examine { chain: chain(), key: key() });
    let install = sample(CertificateRequest::Install { chain: chain(), key: key() });
    let remove = sample(CertificateRequest::Remove);
    let renew = sample(CertificateRequest::Renew);
    let reload = sample(CertificateRequest::Reload);
    vec![
        Endpoint::new(
            Method::GET,
            "/api/v1/certificates",
            &show,
            "Show the certificates, and what they lack",
            |_| Ok(Request::Certificates(CertificateRequest::Show)),
        )
        .gives(|_, reply| match reply {
            Reply::Certificates(overview) => Some(*overview),
            _ => None,
        }),
        Endpoint::new(
            Method::POST,
            "/api/v1/certificates/examine",
            &examine,
            "Tell what would keep a certificate from being installed; nothing changes",
            |call| {
                let NewCertificate { chain, key } = call.json()?;
                Ok(Request::Certificates(CertificateRequest::Examine { chain, key }))
            },
        )
        .takes::<NewCertificate>()
        .gives(|_, reply| match reply {
            Reply::Examined(error) => {
                Some(Examined { problem: error.map(|error| error.to_string()) })
            }
            _ => None,
        }),
        Endpoint::new(
            Method::PUT,
            INSTALLED,
            &install,
            "Serve this certificate in place of the one that is served",
            |call| {
                let NewCertificate { chain, key } = call.json()?;
                Ok(Request::Certificates(CertificateRequest::Install { chain, key }))
            },
        )
        .takes::<NewCertificate>(),
        Endpoint::new(
            Method::DELETE,
            INSTALLED,
            &remove,
            "Take away the certificate that was handed over",
            |_| Ok(Request::Certificates(CertificateRequest::Remove)),
        ),
        Endpoint::new(
            Method::POST,
            "/api/v1/certificates/renew",
            &renew,
            "Have the authority of our own make a new certificate",
            |_| Ok(Request::Certificates(CertificateRequest::Renew)),
        ),
        Endpoint::new(
            Method::POST,
            "/api/v1/certificates/reload",
            &reload,
            "Read certificate files again, and ask an ACME authority again",
            |_| Ok(Request::Certificates(CertificateRequest::Reload)),
        ),
    ]
}
