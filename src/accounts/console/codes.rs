//! The second factor: codes by time (RFC 6238: SHA-1, six digits, 30 seconds) and, for whoever lost
//! the device that shows them, codes that serve once.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::{Accounts, AccountsError, ConsoleError};
use crate::clock::WallTime;
use crate::entropy;
use crate::identity::UserName;
use crate::model::ConsoleAccount;

/// Bytes of a secret (RFC 4226 s4, R6).
const SECRET: usize = 20;
/// Steps before and after the present one whose codes are taken (RFC 6238 s5.2).
const SKEW: u16 = 1;
/// Recovery codes of one account.
const RECOVERY: usize = 10;
/// Letters and digits that are not taken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A secret that an account may take for its codes. It is kept nowhere until a code proves that the
/// device has it.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeOffer {
    /// In base32, to be typed.
    pub secret: Zeroizing<String>,
    /// `otpauth://`, to be shown as a QR code.
    pub url: Zeroizing<String>,
}

impl std::fmt::Debug for CodeOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeOffer(…)")
    }
}

/// A secret that was offered, and a code that proves that a device has it.
#[derive(Clone, Copy)]
pub struct NewCode<'a> {
    /// In base32, as [`CodeOffer::secret`].
    pub secret: &'a str,
    /// The code that the device shows.
    pub code: &'a str,
}

impl std::fmt::Debug for NewCode<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewCode(…)")
    }
}

/// Codes that serve once, shown this once.
pub type RecoveryCodes = Vec<Zeroizing<String>>;

/// What a second factor is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factor {
    /// The account has none.
    None,
    /// The code of this step, which is later than the last one.
    Step(u64),
    /// The recovery code at this place.
    Recovery(usize),
}

/// What a proved secret brings into a row.
pub(super) struct Enrolled {
    pub(super) sealed: Vec<u8>,
    pub(super) step: u64,
    pub(super) recovery: Vec<[u8; 32]>,
    pub(super) shown: RecoveryCodes,
}

impl Enrolled {
    pub(super) fn enter(&self, account: &mut ConsoleAccount) {
        account.sealed_totp = Some(self.sealed.clone());
        account.totp_step = self.step;
        account.recovery.clone_from(&self.recovery);
    }
}

impl Accounts {
    /// A new secret for codes of `name`, to be given back with a code of it.
    #[must_use]
    pub fn offer_code(&self, name: &str) -> CodeOffer {
        let raw: Zeroizing<[u8; SECRET]> = Zeroizing::new(entropy::bytes());
        let secret = Zeroizing::new(Secret::from(*raw).to_base32());
        let url = self.url_of(name, &secret);
        CodeOffer { secret, url }
    }

    /// The URL of a secret that was offered before; `None` if it is none.
    #[must_use]
    pub fn code_url(&self, name: &str, secret: &str) -> Option<Zeroizing<String>> {
        let known = Secret::try_from_base32(secret).ok()?;
        (known.as_bytes().len() == SECRET).then(|| self.url_of(name, secret))
    }

    fn url_of(&self, name: &str, secret: &str) -> Zeroizing<String> {
        // Names hold no colon, and nothing else can be wrong with what is made here.
        let issuer = format!("Tagus {}", self.identity.domain());
        Zeroizing::new(format!(
            "otpauth://totp/{}:{}?secret={}&issuer={}&algorithm=SHA1&digits=6&period=30",
            escaped(&issuer),
            escaped(&UserName::canonical(name.trim())),
            secret,
            escaped(&issuer),
        ))
    }

    /// Holds a code against the secret that was offered, and seals it for the row of `name`.
    pub(super) fn enrol(
        &self,
        name: &UserName,
        new: NewCode<'_>,
        now: WallTime,
    ) -> Result<Enrolled, AccountsError> {
        let secret = Secret::try_from_base32(new.secret).map_err(|_| ConsoleError::CodeSecret)?;
        if secret.as_bytes().len() != SECRET {
            return Err(ConsoleError::CodeSecret.into());
        }
        let sealed = self.identity.seal(&ConsoleAccount::seal_context(name), secret.as_bytes());
        let step = step_of(secret.as_bytes(), new.code, now).ok_or(ConsoleError::Code)?;
        let shown: RecoveryCodes = (0..RECOVERY).map(|_| recovery_code()).collect();
        let recovery = shown.iter().filter_map(|code| recovery_digest(code)).collect();
        Ok(Enrolled { sealed, step, recovery, shown })
    }

    /// What a code is worth for an account; `None` if it does not fit. Without an account the same
    /// work is done for nothing.
    pub(super) fn factor(
        &self,
        account: Option<&ConsoleAccount>,
        code: &str,
        now: WallTime,
    ) -> Option<Factor> {
        let sealed = account.and_then(|account| {
            let sealed = account.sealed_totp.as_ref()?;
            Some((sealed, ConsoleAccount::seal_context(&account.name)))
        });
        let secret =
            sealed.as_ref().and_then(|(sealed, context)| self.identity.unseal(context, sealed));
        let nobody = [0; SECRET];
        let step = step_of(secret.as_ref().map_or(&nobody, |secret| &***secret), code, now);
        let digest = recovery_digest(code);
        let account = account?;
        if sealed.is_none() {
            return Some(Factor::None);
        }
        // A secret that does not open proves nothing; recovery codes do.
        if secret.is_some()
            && let Some(step) = step
            && step > account.totp_step
        {
            return Some(Factor::Step(step));
        }
        let digest = digest?;
        // All are looked at, so that the time does not tell which.
        let mut found = None;
        for (place, known) in account.recovery.iter().enumerate() {
            if bool::from(known.ct_eq(&digest)) {
                found = Some(Factor::Recovery(place));
            }
        }
        found
    }
}

/// The step whose code this is, of those that are taken at `now`.
fn step_of(secret: &[u8], code: &str, now: WallTime) -> Option<u64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).take(7).collect();
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    totp(secret)?.check(&code, now.unix_secs())
}

fn totp(secret: &[u8]) -> Option<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(SKEW)
        .with_step_duration(30)
        .with_secret(secret.to_vec())
        .build()
        .ok()
}

/// `abcd-efgh-ijkl-mnop`: 80 bits.
fn recovery_code() -> Zeroizing<String> {
    let raw: [u8; 16] = entropy::bytes();
    let mut code = Zeroizing::new(String::with_capacity(19));
    for (place, byte) in raw.into_iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(letter(byte)));
    }
    code
}

/// The letter that five bits of a byte stand for.
pub(super) fn letter(byte: u8) -> u8 {
    ALPHABET[usize::from(byte & 31)]
}

/// What is stored of a recovery code; `None` of what is none. Case, spaces and dashes do not matter.
fn recovery_digest(code: &str) -> Option<[u8; 32]> {
    let bare: Zeroizing<Vec<u8>> = Zeroizing::new(
        code.bytes()
            .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'-')
            .take(17)
            .map(|byte| byte.to_ascii_lowercase())
            .collect(),
    );
    (bare.len() == 16).then(|| Sha256::digest(&*bare).into())
}

/// Everything but letters and digits as `%XX`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
