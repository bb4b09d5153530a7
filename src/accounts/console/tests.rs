//! Who works on the console: signing in, changing one another, links.

use std::net::IpAddr;
use std::time::Duration;

use super::super::tests::{Site, site};
use super::*;
use crate::clock::WallTime;
use crate::store::Commit;

mod links;
mod management;
mod tokens;

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const PASSWORD: &str = "correct horse battery";

/// Refused, with no directory to be out of reach.
const REFUSED: SignIn = SignIn::Refused { directory_is_down: false };

impl Site {
    async fn console(&self, name: &str, role: Role) -> Principal {
        let new = NewConsoleAccount { name, role, password: PASSWORD };
        self.accounts.add_console(&Actor::socket(), new).await.unwrap();
        self.accounts.principal_of(name).unwrap().unwrap()
    }

    async fn sign_in(&self, name: &str, password: &str, code: &str) -> SignIn {
        let attempt = Attempt { name, password, code, source: SOURCE };
        self.accounts.sign_in(attempt).await.unwrap()
    }

    /// The code that a device shows now.
    fn shown(&self, offer: &CodeOffer) -> String {
        let secret = totp_rs::Secret::try_from_base32(offer.secret.as_str()).unwrap();
        let totp = totp_rs::Builder::new().with_secret(secret.as_bytes().to_vec()).build().unwrap();
        totp.generate(self.accounts.now().unix_secs()).to_string()
    }

    fn last_line(&self) -> crate::model::AuditEntry {
        let page = self.accounts.trail_before(None, 1, &Default::default()).unwrap();
        page.entries.into_iter().next().unwrap()
    }
}

fn console_error(error: AccountsError) -> ConsoleError {
    match error {
        AccountsError::Console(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_account_of_the_console_signs_in_and_nothing_else_of_that_name_does() {
    let site = site();
    site.add("ana", "secret of sip").await.unwrap();
    assert_eq!(site.sign_in("ana", "secret of sip", "").await, REFUSED);
    let ana = site.console("Ana", Role::Admin).await;
    assert_eq!((ana.name.as_str(), ana.role, ana.origin), ("ana", Role::Admin, Origin::Console));
    assert_eq!(site.sign_in(" ANA ", PASSWORD, "").await, SignIn::Welcome(ana.clone()));
    let with_domain = site.sign_in("ana@campus.example", PASSWORD, "").await;
    assert_eq!(with_domain, SignIn::Welcome(ana.clone()));
    assert_eq!(site.sign_in("ana@other.example", PASSWORD, "").await, REFUSED);
    assert_eq!(site.last_line().subject, "ana@other.example");
    assert_eq!(site.sign_in("ana", PASSWORD, "").await, SignIn::Welcome(ana));
    assert_eq!(site.last_line().action, "console.sign_in");
    assert_eq!((site.last_line().source.as_str(), site.last_line().done), ("192.0.2.7", true));
    assert!(site.accounts.console_account("ana").unwrap().last_sign_in.is_some());
    assert_eq!(site.sign_in("ana", "secret of sip", "").await, REFUSED);
    // The password of the console is none of SIP.
    assert!(!site.signs_in("ana", PASSWORD) && site.signs_in("ana", "secret of sip"));
}

/// Unknown, wrong, locked and without a code: one answer, and a line of the trail each.
#[tokio::test]
async fn every_refusal_is_the_same_answer() {
    let site = site();
    let ana = site.console("ana", Role::Owner).await;
    site.console("rui", Role::Helpdesk).await;
    site.accounts.lock_console(&Actor::socket(), "rui", true).await.unwrap();
    let offer = site.accounts.offer_code("ana");
    let new = NewCode { secret: &offer.secret, code: &site.shown(&offer) };
    site.accounts.set_own_code(&ana.actor(SOURCE), PASSWORD, new).await.unwrap();
    let before = site.last_line().sequence;
    let long = "x".repeat(2000);
    let attempts = [
        ("nobody", PASSWORD, ""),
        ("", "", ""),
        ("a@b\0<svg>", PASSWORD, "123456"),
        ("ana", "wrong horse battery", ""),
        ("ana", PASSWORD, ""),
        ("ana", PASSWORD, "000000000000"),
        ("rui", PASSWORD, ""),
        ("ana", &long, ""),
    ];
    for (name, password, code) in attempts {
        assert_eq!(site.sign_in(name, password, code).await, REFUSED, "{name:?}");
        let line = site.last_line();
        assert_eq!((line.action.as_str(), line.done), ("console.sign_in", false));
    }
    assert_eq!(site.last_line().sequence, before + attempts.len() as u64);
}

/// RFC 6238 s5.2: a code is taken once, and within a step of the present one.
#[tokio::test]
async fn a_code_is_taken_once_and_one_step_either_side() {
    let site = site();
    let ana = site.console("ana", Role::Owner).await;
    let offer = site.accounts.offer_code("ana");
    let first = site.shown(&offer);
    let new = NewCode { secret: &offer.secret, code: &first };
    site.accounts.set_own_code(&ana.actor(SOURCE), PASSWORD, new).await.unwrap();
    assert_eq!(site.accounts.still(&ana).unwrap(), None, "sessions of before are over");
    assert_eq!(site.sign_in("ana", PASSWORD, &first).await, REFUSED, "it proved the secret");

    site.clock.advance(Duration::from_secs(30));
    let second = site.shown(&offer);
    site.clock.advance(Duration::from_secs(30));
    let late = site.sign_in("ana", PASSWORD, &format!("{} {}", &second[..3], &second[3..])).await;
    assert!(matches!(late, SignIn::Welcome(_)), "a step late, with a space");
    assert_eq!(site.sign_in("ana", PASSWORD, &second).await, REFUSED);

    let third = site.shown(&offer);
    site.clock.advance(Duration::from_secs(60));
    assert_eq!(site.sign_in("ana", PASSWORD, &third).await, REFUSED, "two steps late");

    // Of two who come at once with one code, one is let in.
    let code = site.shown(&offer);
    let both =
        tokio::join!(site.sign_in("ana", PASSWORD, &code), site.sign_in("ana", PASSWORD, &code));
    let welcome = [both.0, both.1].iter().filter(|one| matches!(one, SignIn::Welcome(_))).count();
    assert_eq!(welcome, 1);
}

#[tokio::test]
async fn a_recovery_code_serves_once_in_any_spelling() {
    let site = site();
    let ana = site.console("ana", Role::Owner).await;
    let offer = site.accounts.offer_code("ana");
    let new = NewCode { secret: &offer.secret, code: &site.shown(&offer) };
    let codes = site.accounts.set_own_code(&ana.actor(SOURCE), PASSWORD, new).await.unwrap();
    assert_eq!(codes.len(), 10);
    let typed = codes[3].to_uppercase().replace('-', " ");
    assert!(matches!(site.sign_in("ana", PASSWORD, &typed).await, SignIn::Welcome(_)));
    assert_eq!(site.last_line().detail, "by password and recovery code; 9 of these are left");
    assert_eq!(site.sign_in("ana", PASSWORD, &codes[3]).await, REFUSED);
    assert_eq!(site.sign_in("ana", "wrong horse battery", &codes[4]).await, REFUSED);
    assert!(matches!(site.sign_in("ana", PASSWORD, &codes[4]).await, SignIn::Welcome(_)));
}

/// A full disk is looked at from inside: whoever needs nothing written for it gets in.
#[tokio::test]
async fn a_store_that_takes_no_changes_lets_people_in_and_a_code_once() {
    let site = site();
    let ana = site.console("ana", Role::Owner).await;
    let offer = site.accounts.offer_code("ana");
    let new = NewCode { secret: &offer.secret, code: &site.shown(&offer) };
    let codes = site.accounts.set_own_code(&ana.actor(SOURCE), PASSWORD, new).await.unwrap();
    site.clock.advance(Duration::from_secs(60));
    site.memory.set_read_only(Some(crate::store::ReadOnlyReason::DiskFull));
    let code = site.shown(&offer);
    assert_eq!(site.sign_in("ana", "wrong horse battery", &code).await, REFUSED);
    assert!(matches!(site.sign_in("ana", PASSWORD, &code).await, SignIn::Welcome(_)));
    assert_eq!(site.sign_in("ana", PASSWORD, &code).await, REFUSED);
    // It could not be used up.
    assert_eq!(site.sign_in("ana", PASSWORD, &codes[0]).await, REFUSED);
    site.memory.set_read_only(None);
    assert_eq!(site.sign_in("ana", PASSWORD, &code).await, REFUSED, "used before");
    assert!(matches!(site.sign_in("ana", PASSWORD, &codes[0]).await, SignIn::Welcome(_)));
}

/// RFC 6238, appendix B, with the last six digits; and what an authenticator is shown.
#[tokio::test]
async fn codes_are_those_of_rfc_6238_and_of_the_secret_that_is_shown() {
    let site = site();
    let secret = totp_rs::Secret::new(b"12345678901234567890".to_vec().into()).to_base32();
    let name = UserName::canonical("ana");
    for (at, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
        let new = NewCode { secret: &secret, code };
        let enrolled = site.accounts.enrol(&name, new, WallTime::from_unix_secs(at)).unwrap();
        assert_eq!(enrolled.step, at / 30);
    }
    let offer = site.accounts.offer_code("Ana");
    assert_eq!(
        offer.url.as_str(),
        format!(
            "otpauth://totp/Tagus%20campus.example:ana?secret={}&issuer=Tagus%20campus.example\
             &algorithm=SHA1&digits=6&period=30",
            offer.secret.as_str()
        )
    );
    for wrong in ["", "AAAA", "no base32!"] {
        let new = NewCode { secret: wrong, code: "123456" };
        let refused = site.accounts.enrol(&name, new, WallTime::from_unix_secs(59)).err().unwrap();
        assert_eq!(console_error(refused), ConsoleError::CodeSecret, "{wrong:?}");
    }
}

/// More sign-ins than there is room for are told to come back, and cost nothing.
#[tokio::test]
async fn a_flood_of_sign_ins_is_turned_away_before_any_work() {
    let site = site();
    site.console("ana", Role::Owner).await;
    let attempts = (0..40).map(|_| site.sign_in("ana", "wrong horse battery", ""));
    let answers = futures_util::future::join_all(attempts).await;
    let busy = answers.iter().filter(|answer| matches!(answer, SignIn::Busy { .. })).count();
    let refused = answers.iter().filter(|answer| **answer == REFUSED).count();
    assert_eq!(busy + refused, 40);
    // Two at work at most and sixteen that wait.
    assert!((17..=18).contains(&refused), "{refused} were looked at");
    assert!(matches!(site.sign_in("ana", PASSWORD, "").await, SignIn::Welcome(_)));
}

/// Strangers cannot fill the disk: 30 lines a minute, and then how many there were.
#[tokio::test]
async fn refusals_beyond_some_a_minute_are_counted_and_not_written() {
    let site = site();
    for _ in 0..100 {
        site.accounts.note_refusal("x\u{202e}\n", SOURCE, "console.sign_in").await.unwrap();
    }
    assert_eq!(site.store.count(Table::Audit), 30);
    assert_eq!(site.last_line().subject, "x");
    site.clock.advance(Duration::from_secs(60));
    site.accounts.note_refusal("y", SOURCE, "console.sign_in").await.unwrap();
    assert_eq!(site.last_line().detail, "(70 refusals before were not written down)");
    assert_eq!(site.accounts.verify_trail().unwrap().lines, 31);
}
