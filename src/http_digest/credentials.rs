//! `Authorization` and `Proxy-Authorization` (RFC 7616 s3.4, RFC 3261 s20.7, s20.28).

use std::borrow::Cow;

use super::parameters::{ParameterError, Parameters, scheme, unescape};
use super::{Algorithm, Exchange, Hash, ha2, response};

/// Why a header field holds no Digest credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Another scheme: not for us, and no reason to refuse the request.
    #[error("not the Digest scheme")]
    NotDigest,
    /// The list of parameters cannot be read.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// A parameter stands twice, or the user name in both of its forms.
    #[error("a parameter stands twice")]
    Twice,
    /// A parameter that RFC 7616 demands is absent.
    #[error("the parameter {0} is absent")]
    Absent(&'static str),
    /// The user name is empty or no text.
    #[error("the user name is empty or no text")]
    UserName,
}

/// Why well-formed credentials are not taken: the answer is a challenge with our offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `MD5-sess`, `SHA-512-256`, `none`, …
    #[error("an algorithm that was not offered")]
    Algorithm,
    /// `qop` is absent or not `auth`.
    #[error("qop is not auth")]
    Qop,
    /// `nc` is not eight hexadecimal digits, or zero.
    #[error("nc is not a count")]
    Count,
    /// `cnonce` is absent or empty.
    #[error("cnonce is absent")]
    ClientNonce,
    /// `response` is not a hash of the algorithm.
    #[error("response is not a hash of the algorithm")]
    Response,
}

/// The Digest credentials of a request. Values are as sent, without their quotes.
#[derive(Clone, Debug)]
pub struct Credentials<'a> {
    username: Cow<'a, [u8]>,
    realm: Cow<'a, [u8]>,
    nonce: &'a [u8],
    uri: &'a [u8],
    response: &'a [u8],
    algorithm: Option<&'a [u8]>,
    cnonce: Option<&'a [u8]>,
    qop: Option<&'a [u8]>,
    nc: Option<&'a [u8]>,
}

impl<'a> Credentials<'a> {
    /// Reads the value of an `Authorization` or `Proxy-Authorization` header field.
    ///
    /// # Errors
    /// [`CredentialsError::NotDigest`] for another scheme, which is to be passed over; any other
    /// error makes the request malformed.
    pub fn parse(field: &'a [u8]) -> Result<Credentials<'a>, CredentialsError> {
        let (scheme, list) = scheme(field);
        if !scheme.eq_ignore_ascii_case(b"Digest") {
            return Err(CredentialsError::NotDigest);
        }
        const NAMES: [&[u8]; 9] = [
            b"username",
            b"realm",
            b"nonce",
            b"uri",
            b"response",
            b"algorithm",
            b"cnonce",
            b"qop",
            b"nc",
        ];
        let mut values: [Option<&'a [u8]>; 9] = [None; 9];
        let mut extended = false;
        for parameter in Parameters::new(list) {
            let parameter = parameter?;
            // Two forms of one name could name two people (RFC 7616 s3.4).
            extended |= parameter.name.eq_ignore_ascii_case(b"username*");
            let known = NAMES.iter().position(|name| name.eq_ignore_ascii_case(parameter.name));
            // What is not known is passed over (RFC 7616 s3.3, auth-param).
            let Some(slot) = known.and_then(|index| values.get_mut(index)) else { continue };
            if slot.replace(parameter.value).is_some() {
                return Err(CredentialsError::Twice);
            }
        }
        let [username, realm, nonce, uri, response, algorithm, cnonce, qop, nc] = values;
        if extended && username.is_some() {
            return Err(CredentialsError::Twice);
        }
        let username = unescape(username.ok_or(CredentialsError::Absent("username"))?);
        if username.is_empty() || std::str::from_utf8(&username).is_err() {
            return Err(CredentialsError::UserName);
        }
        Ok(Credentials {
            username,
            realm: unescape(realm.ok_or(CredentialsError::Absent("realm"))?),
            nonce: nonce.ok_or(CredentialsError::Absent("nonce"))?,
            uri: uri.ok_or(CredentialsError::Absent("uri"))?,
            response: response.ok_or(CredentialsError::Absent("response"))?,
            algorithm,
            cnonce,
            qop,
            nc,
        })
    }

    /// The user name in the spelling that was sent.
    #[must_use]
    pub fn username(&self) -> &str {
        std::str::from_utf8(&self.username).unwrap_or_default()
    }

    /// The realm that the credentials are for.
    #[must_use]
    pub fn realm(&self) -> &[u8] {
        &self.realm
    }

    /// The nonce of the challenge that is answered.
    #[must_use]
    pub const fn nonce(&self) -> &'a [u8] {
        self.nonce
    }

    /// The digest URI: must be the Request-URI or a URI of ours.
    #[must_use]
    pub const fn uri(&self) -> &'a [u8] {
        self.uri
    }

    /// The algorithm: MD5 if absent (RFC 7616 s3.4), `None` if it is not spoken here.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm.map_or(Some(Algorithm::Md5), Algorithm::from_token)
    }

    /// The nonce count; zero if it is absent or not eight hexadecimal digits, and no count is zero.
    #[must_use]
    pub fn count(&self) -> u32 {
        let Some(digits) = self.nc.filter(|digits| digits.len() == 8) else { return 0 };
        digits
            .iter()
            .try_fold(0u32, |sum, &digit| Some(sum << 4 | u32::from(super::nibble(digit)?)))
            .unwrap_or(0)
    }

    /// What a password can be held against.
    ///
    /// # Errors
    /// [`Refusal`] if the credentials are not of a kind that we offer.
    pub fn claim(&self, method: &[u8]) -> Result<Claim<'_>, Refusal> {
        let algorithm = self.algorithm().ok_or(Refusal::Algorithm)?;
        let qop = self.qop.filter(|q| q.eq_ignore_ascii_case(b"auth")).ok_or(Refusal::Qop)?;
        if self.count() == 0 {
            return Err(Refusal::Count);
        }
        let cnonce = self.cnonce.filter(|c| !c.is_empty()).ok_or(Refusal::ClientNonce)?;
        let response = Hash::from_hex(algorithm, self.response).ok_or(Refusal::Response)?;
        let nc = self.nc.unwrap_or_default();
        Ok(Claim {
            exchange: Exchange { nonce: self.nonce, nc, cnonce, qop },
            response,
            ha2: ha2(algorithm, method, self.uri),
        })
    }
}

/// A response with everything it was made of but HA1.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    exchange: Exchange<'a>,
    response: Hash,
    ha2: Hash,
}

impl Claim<'_> {
    /// The algorithm of the response.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.response.algorithm()
    }

    /// Whether the response was made with this HA1; in constant time. An HA1 of another algorithm
    /// never fits, at the price of one that does.
    #[must_use]
    pub fn proves(&self, ha1: &Hash) -> bool {
        response(ha1, &self.exchange, &self.ha2) == self.response
    }
}
