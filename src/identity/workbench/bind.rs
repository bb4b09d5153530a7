//! The fourth step: who the server is, and whether it lets the service account in.

use ldap3::exop::WhoAmI;
use zeroize::Zeroizing;

use super::BindPassword;
use super::active_directory;
use super::code::Code;
use super::finding::Finding;
use super::report::{Answer, Detail, Server, StepName};
use super::run::{Failure, Outcome, Run};
use crate::identity::ldap::guard::Session;
use crate::identity::ldap::read_password;

impl Run<'_> {
    /// Signs in as the service account; whether that went well.
    pub(super) async fn bind(&mut self, session: &Session, server: Server) -> bool {
        let mut outcome = self.let_in(session).await;
        let mut server = server;
        if server.naming_contexts.is_empty()
            && let Ok(known) = self.root(session, self.limit()).await
        {
            // Some tell who they are only to those who signed in.
            server = known;
        }
        if !server.vendor.is_empty() || !server.naming_contexts.is_empty() {
            let vendor = match server.vendor.as_str() {
                "" => "of a kind that it does not tell".to_owned(),
                vendor => vendor.to_owned(),
            };
            let contexts = match server.naming_contexts.as_slice() {
                [] => "what it does not tell".to_owned(),
                contexts => contexts.join("; "),
            };
            outcome.add(Code::Known.with([("vendor", vendor), ("contexts", contexts)]));
        }
        if !server.naming_contexts.is_empty() && !server.paging {
            outcome.add(Code::NoPaging.alone());
        }
        self.contexts.clone_from(&server.naming_contexts);
        self.end(StepName::Bind, outcome.with(Detail::Server(Box::new(server))))
    }

    async fn let_in(&self, session: &Session) -> Outcome {
        let dn = self.trial.ldap.bind_dn.as_str();
        let anonymous = dn.is_empty();
        let password = match self.password() {
            Ok(password) => password,
            Err(finding) => return Outcome::of(finding),
        };
        let mut ldap = session.ldap.clone();
        let answer = self.ask(session, self.limit(), ldap.simple_bind(dn, &password)).await;
        let refused = |failure: Failure| failure.outcome(|answer| refusal(answer, dn));
        let result = match answer {
            Ok(result) if result.rc == 0 => result,
            Ok(result) => return refused(Failure::Answer(Box::new(result))),
            Err(failure) => return refused(failure),
        };
        let answer = Answer::from(&result);
        let mut outcome = match anonymous {
            true => Outcome::of(Code::BoundNobody.alone()),
            false => {
                let who = ("who", dn.to_owned());
                let in_vain = self.who_am_i(session).await.is_some_and(|who| who.is_empty());
                let code = if in_vain { Code::BoundInVain } else { Code::Bound };
                Outcome::of(code.with([who]))
            }
        };
        outcome.answer = Some(answer);
        outcome.findings.extend(self.open_file());
        outcome
    }

    /// Whom the server takes us for (RFC 4532); none if it does not say.
    async fn who_am_i(&self, session: &Session) -> Option<String> {
        let mut ldap = session.ldap.clone();
        let asked = self.ask(session, self.limit(), ldap.extended(WhoAmI)).await;
        let ldap3::result::ExopResult(said, result) = asked.ok()?;
        (result.rc == 0)
            .then(|| String::from_utf8_lossy(said.val.as_deref().unwrap_or_default()).into_owned())
    }

    fn password(&self) -> Result<Zeroizing<String>, Finding> {
        if self.trial.ldap.bind_dn.is_empty() {
            return Ok(Zeroizing::default());
        }
        let password = match &self.trial.password {
            BindPassword::Withheld => return Err(Code::PasswordNeeded.alone()),
            BindPassword::Given(password) => password.clone(),
            BindPassword::Configured => match &self.trial.ldap.bind_password {
                Some(password) => Zeroizing::new(password.expose().to_owned()),
                None => read_password(&self.trial.ldap.bind_password_file)
                    .map_err(|problem| Code::PasswordFile.with([("problem", problem)]))?,
            },
        };
        // RFC 4513 s5.1.2: an empty password signs in nobody, and the server says that all is well.
        if password.is_empty() || password.contains('\0') {
            return Err(Code::EmptyPassword.alone());
        }
        Ok(password)
    }

    /// A password that others on this machine may read is the directory's problem, too.
    fn open_file(&self) -> Option<Finding> {
        use std::os::unix::fs::MetadataExt as _;
        let file = &self.trial.ldap.bind_password_file;
        let kept = !self.trial.ldap.bind_dn.is_empty()
            && self.trial.ldap.bind_password.is_none()
            && matches!(self.trial.password, BindPassword::Configured);
        let mode = std::fs::metadata(file).ok().filter(|_| kept)?.mode();
        (mode & 0o077 != 0).then(|| {
            Code::PasswordFileOpen.with([
                ("path", file.display().to_string()),
                ("mode", format!("{:04o}", mode & 0o7777)),
            ])
        })
    }
}

/// What it means that the service account is not let in.
fn refusal(answer: &Answer, dn: &str) -> Finding {
    let who = ("who", dn.to_owned());
    let sub_code = answer.sub_code.as_deref().and_then(active_directory::meaning);
    match (answer.code, sub_code) {
        (49, Some(code)) if code != Code::AdPassword => code.with([who]),
        (49, _) => Code::Credentials.with([who]),
        (8 | 13, _) => Code::NeedsEncryption.alone(),
        (48 | 53, _) if dn.is_empty() => Code::NobodyRefused.alone(),
        (34, _) => Code::BadBindDn.with([who]),
        _ => Code::BindRefused.with([who, ("meaning", answer.meaning())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of Active Directory within result 49.
    fn refused(data: &str) -> Answer {
        let text = format!(
            "80090308: LdapErr: DSID-0C, comment: AcceptSecurityContext error, data {data}, v1"
        );
        let result = ldap3::LdapResult {
            rc: 49,
            matched: String::new(),
            text,
            refs: Vec::new(),
            ctrls: Vec::new(),
        };
        Answer::from(&result)
    }

    #[test]
    fn a_refusal_of_active_directory_says_why() {
        for (data, code) in [
            ("52e", Code::Credentials),
            ("533", Code::AdDisabled),
            ("701", Code::AdExpired),
            ("773", Code::AdMustChange),
            ("775", Code::AdLocked),
            ("57", Code::Credentials),
        ] {
            let answer = refused(data);
            assert_eq!(answer.sub_code.as_deref(), Some(data));
            assert_eq!(refusal(&answer, "cn=tagus").code, code, "{data}");
        }
    }
}
