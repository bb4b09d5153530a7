use super::*;
use crate::http_digest::{Algorithm, Credentials, ha1};
use crate::msrp::ident::Ids;
use crate::msrp::message::Response;

const OWN: &str = "msrps://alice.example.com:9892/98cjs;tcp";
const INNER: &str = "msrps://alice@intra.example.com;tcp";
const OUTER: &str = "msrps://extra.example.com;tcp";
const INNER_TOKEN: &str = "msrps://intra.example.com:9000/jui787s2f;tcp";
const OUTER_TOKEN: &str = "msrps://extra.example.com:9000/mywdEe1233;tcp";

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn login(relays: &str) -> Login {
    let own = Uri::parse(OWN).unwrap();
    Login::new(path(relays), own, "Alice", "secret", Some(900)).unwrap()
}

fn response(code: u16, fields: &[(&str, &str)]) -> Response {
    let own = |(name, value): &(&str, &str)| (Box::from(*name), Box::from(*value));
    Response {
        transaction: Ids::default().transaction(),
        code,
        comment: "".into(),
        fields: fields.iter().map(own).collect(),
    }
}

fn field<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

fn challenge(algorithm: &str, nonce: &str) -> (&'static str, String) {
    let realm = "intra.example.com";
    let value = format!("Digest realm=\"{realm}\", qop=\"auth\", nonce=\"{nonce}\"{algorithm}");
    ("WWW-Authenticate", value)
}

/// Whether the request proves that its sender knows the password, as a relay finds out.
fn proves(request: &Request, algorithm: Algorithm, nonce: &str, count: u32) -> bool {
    let value = field(request, "Authorization").unwrap();
    let credentials = Credentials::parse(value.as_bytes()).unwrap();
    let hash = ha1(algorithm, b"Alice", b"intra.example.com", b"secret");
    credentials.uri() == request.to.last().as_str().as_bytes()
        && credentials.nonce() == nonce.as_bytes()
        && credentials.count() == count
        && credentials.claim(b"AUTH").unwrap().proves(&hash)
}

fn challenged(login: &mut Login, fields: &[(&str, String)]) -> Result<Step, AuthError> {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    login.answer(&response(401, &fields))
}

// RFC 4976 s5.1, its example with two relays
#[test]
fn a_client_signs_in_to_each_relay_through_those_before() {
    let mut login = login(&format!("{INNER} {OUTER}"));
    let request = login.request().unwrap();
    assert_eq!(
        (request.method.as_str(), &request.to, &request.from),
        ("AUTH", &path(INNER), &path(OWN))
    );
    assert_eq!((field(&request, "Authorization"), field(&request, "Expires")), (None, Some("900")));
    assert_eq!(challenged(&mut login, &[challenge("", "dcd98b71")]), Ok(Step::Again));
    let request = login.request().unwrap();
    assert!(proves(&request, Algorithm::Md5, "dcd98b71", 1));
    let granted = response(200, &[("Use-Path", INNER_TOKEN), ("Expires", "900")]);
    assert_eq!(login.answer(&granted), Ok(Step::Again));
    let request = login.request().unwrap();
    assert_eq!(request.to, path(&format!("{INNER_TOKEN} {OUTER}")));
    assert_eq!(
        challenged(&mut login, &[challenge(", algorithm=SHA-256", "Uumu8")]),
        Ok(Step::Again)
    );
    let request = login.request().unwrap();
    assert!(proves(&request, Algorithm::Sha256, "Uumu8", 1));
    let both = format!("{INNER_TOKEN} {OUTER_TOKEN}");
    let granted = response(200, &[("Use-Path", &both), ("Expires", "1800")]);
    let expires = Some(Duration::from_secs(900));
    assert_eq!(login.answer(&granted), Ok(Step::Done { use_path: path(&both), expires }));
}

// RFC 7616 s3.7, RFC 8760 s2.4
#[test]
fn of_several_challenges_the_best_that_is_spoken_is_answered() {
    let mut login = login(INNER);
    login.request().unwrap();
    let offers = [
        challenge(", algorithm=SHA-512-256", "n512"),
        challenge(", algorithm=MD5", "nmd5"),
        challenge(", algorithm=SHA-256", "nsha"),
        ("WWW-Authenticate", "Basic realm=\"x\"".to_owned()),
    ];
    assert_eq!(challenged(&mut login, &offers), Ok(Step::Again));
    assert!(proves(&login.request().unwrap(), Algorithm::Sha256, "nsha", 1));
}

// RFC 4976 s9.1: never Basic, and always qop
#[test]
fn a_relay_that_asks_in_another_way_is_not_answered() {
    for value in [
        "Basic realm=\"x\"",
        "Digest realm=\"x\", nonce=\"y\"",
        "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
        "Digest realm=\"x\", nonce=\"y\", qop=\"auth\", algorithm=MD5-sess",
    ] {
        let mut login = login(INNER);
        login.request().unwrap();
        let refused = challenged(&mut login, &[("WWW-Authenticate", value.to_owned())]);
        assert_eq!(refused, Err(AuthError::NoChallenge), "{value}");
    }
}

// RFC 4976 s9.1, s9.2; security M15
#[test]
fn wrong_credentials_are_not_tried_again_and_a_stale_nonce_is() {
    let mut login = login(INNER);
    login.request().unwrap();
    assert_eq!(challenged(&mut login, &[challenge("", "one")]), Ok(Step::Again));
    login.request().unwrap();
    assert_eq!(challenged(&mut login, &[challenge(", stale=true", "two")]), Ok(Step::Again));
    assert!(proves(&login.request().unwrap(), Algorithm::Md5, "two", 1));
    let again = challenged(&mut login, &[challenge("", "three")]);
    assert_eq!(again, Err(AuthError::Credentials));
    for code in [400, 403, 408, 481, 500, 302] {
        assert_eq!(login.answer(&response(code, &[])), Err(AuthError::Code(code)));
    }
}

#[test]
fn a_relay_that_asks_for_ever_is_left() {
    let mut login = login(INNER);
    for n in 0..5 {
        login.request().unwrap();
        let step = challenged(&mut login, &[challenge(", stale=true", &format!("n{n}"))]);
        assert_eq!(step, Ok(Step::Again));
    }
    assert_eq!(login.request(), Err(AuthError::Endless));
}

// RFC 4976 s6.3, s7: bounds of Expires; security M19
#[test]
fn expires_out_of_bounds_is_asked_for_within_them() {
    for name in ["Min-Expires", "Max-Expires"] {
        let mut login = login(INNER);
        login.request().unwrap();
        let refused = response(423, &[(name, "600")]);
        assert_eq!(login.answer(&refused), Ok(Step::Again));
        assert_eq!(field(&login.request().unwrap(), "Expires"), Some("600"));
        assert_eq!(login.answer(&refused), Err(AuthError::Code(423)));
        assert_eq!(login.answer(&response(423, &[])), Err(AuthError::Code(423)));
    }
}

/// A relay's proof, made from what the client sent.
fn info(request: &Request, password: &[u8], next: &str) -> String {
    let credentials = field(request, "Authorization").unwrap().as_bytes();
    let value = |name| text::auth_param(credentials, name).unwrap();
    let hash = ha1(Algorithm::Md5, b"Alice", b"intra.example.com", password);
    let exchange = Exchange {
        nonce: value("nonce"),
        nc: value("nc"),
        cnonce: value("cnonce"),
        qop: value("qop"),
    };
    let second = ha2(Algorithm::Md5, b"", value("uri"));
    let proof = crate::http_digest::response(&hash, &exchange, &second);
    format!("nextnonce=\"{next}\", rspauth=\"{}\", qop=auth", proof.hex().as_str())
}

// RFC 4976 s9.1 (Authentication-Info), s9.4
#[test]
fn a_relay_proves_itself_and_its_next_nonce_is_used_at_the_refresh() {
    let mut login = login(INNER);
    login.request().unwrap();
    challenged(&mut login, &[challenge("", "one")]).unwrap();
    let request = login.request().unwrap();
    let info_field = info(&request, b"secret", "two");
    let fields = [("Use-Path", INNER_TOKEN), ("Authentication-Info", &info_field)];
    let done = login.answer(&response(200, &fields));
    assert_eq!(done, Ok(Step::Done { use_path: path(INNER_TOKEN), expires: None }));
    login.refresh();
    let request = login.request().unwrap();
    assert!(proves(&request, Algorithm::Md5, "two", 1), "the nonce is used unasked");
    assert_eq!(request.to, path(INNER));
    // A nonce of long ago is refused without a word; that says nothing of the password.
    assert_eq!(challenged(&mut login, &[challenge("", "three")]), Ok(Step::Again));
    let request = login.request().unwrap();
    assert!(proves(&request, Algorithm::Md5, "three", 1));
    let forged = info(&request, b"guess", "x");
    let fields = [("Use-Path", INNER_TOKEN), ("Authentication-Info", &forged)];
    assert_eq!(login.answer(&response(200, &fields)), Err(AuthError::Relay));
}

// RFC 4976 s9.2: AUTH goes over TLS only
#[test]
fn a_relay_without_tls_is_not_used() {
    let own = Uri::parse(OWN).unwrap();
    let relays = path("msrp://relay.example:2856;tcp");
    let refused = Login::new(relays, own, "Alice", "secret", None);
    assert!(matches!(refused, Err(AuthError::NotSecure)));
}

#[test]
fn an_answer_without_a_usable_path_is_an_error() {
    let mut login = login(INNER);
    login.request().unwrap();
    assert_eq!(login.answer(&response(200, &[])), Err(AuthError::NoPath));
    let wrong = login.answer(&response(200, &[("Use-Path", "sip:a@b")]));
    assert_eq!(wrong, Err(AuthError::Path(UriError::Scheme)));
    assert!(!format!("{login:?}").contains("secret"));
}
