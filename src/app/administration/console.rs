//! The console's accounts, tokens, links and the audit trail, as requests.

use super::{Administration, refused};
use crate::accounts::{Actor, NewCode, NewConsoleAccount, NewToken, TrailFilter};
use crate::app::setup_link;
use crate::model::{ApiToken, AuditEntry, ConsoleAccount};
use crate::operations::{
    AuditLine, AuditPage, AuditReport, AuditRequest, ConsoleRequest, ConsoleUser, Failure, Reply,
    Secret, Token, TokenRequest, TokenSecret,
};

/// Lines of the audit trail of one page at most.
const LARGEST_PAGE: u32 = 1_000;

impl Administration {
    pub(super) async fn setup_link(&self, actor: &Actor) -> Result<Reply, Failure> {
        let served = self.live.as_ref().map(|live| live.web());
        let web = served.as_deref().unwrap_or(&self.site.config.web.listen);
        let link = setup_link::make(&self.site, actor, web, served.is_some()).await?;
        Ok(Reply::SetupLink(link))
    }

    pub(super) async fn console(
        &self,
        actor: &Actor,
        request: ConsoleRequest,
    ) -> Result<Reply, Failure> {
        let accounts = &self.site.accounts;
        match request {
            ConsoleRequest::List => {
                let all = accounts.console_accounts().map_err(refused)?;
                return Ok(Reply::Console(all.into_iter().map(console_user).collect()));
            }
            ConsoleRequest::Add { name, role, password } => {
                let new = NewConsoleAccount { name: &name, role, password: password.expose() };
                let account = accounts.add_console(actor, new).await.map_err(refused)?;
                return Ok(Reply::Console(vec![console_user(account)]));
            }
            ConsoleRequest::SetRole { name, role } => {
                accounts.set_console_role(actor, &name, role).await
            }
            ConsoleRequest::SetPassword { name, password } => {
                accounts.set_console_password(actor, &name, password.expose()).await
            }
            ConsoleRequest::DropCode { name } => accounts.drop_code(actor, &name).await,
            ConsoleRequest::Lock { name, locked } => {
                accounts.lock_console(actor, &name, locked).await
            }
            ConsoleRequest::Delete { name } => accounts.remove_console(actor, &name).await,
            ConsoleRequest::OwnPassword { present, password } => {
                accounts.set_own_password(actor, present.expose(), password.expose()).await
            }
            ConsoleRequest::OwnCode { present, secret, code } => {
                let new = NewCode { secret: secret.expose(), code: &code };
                let codes = accounts.set_own_code(actor, present.expose(), new).await;
                let codes = codes.map_err(refused)?;
                let shown = codes.iter().map(|code| Secret::new(code.to_string()));
                return Ok(Reply::RecoveryCodes(shown.collect()));
            }
            ConsoleRequest::OwnDropCode { present } => {
                accounts.drop_own_code(actor, present.expose()).await
            }
        }
        .map_err(refused)
        .map(|()| Reply::Done)
    }

    pub(super) async fn token(
        &self,
        actor: &Actor,
        request: TokenRequest,
    ) -> Result<Reply, Failure> {
        let accounts = &self.site.accounts;
        match request {
            TokenRequest::List => {
                let all = accounts.tokens().map_err(refused)?;
                Ok(Reply::Tokens(all.into_iter().map(token).collect()))
            }
            TokenRequest::Make { name, scopes, role, expires_at, networks } => {
                let new = NewToken {
                    name: &name,
                    scopes: &scopes,
                    role,
                    expires_at,
                    networks: &networks,
                };
                let (made, secret) = accounts.make_token(actor, new).await.map_err(refused)?;
                let secret = Secret::new(secret.to_string());
                Ok(Reply::TokenSecret(Box::new(TokenSecret { token: token(made), secret })))
            }
            TokenRequest::Revoke { token } => {
                accounts.revoke_token(actor, &token).await.map_err(refused).map(|()| Reply::Done)
            }
        }
    }

    pub(super) async fn audit(&self, request: AuditRequest) -> Result<Reply, Failure> {
        let accounts = &self.site.accounts;
        match request {
            AuditRequest::From { from, limit } => {
                let limit = limit.clamp(1, LARGEST_PAGE) as usize;
                let mut lines = accounts.trail(from, limit + 1).map_err(refused)?;
                let next = lines.get(limit).map(|line| line.sequence);
                lines.truncate(limit);
                let entries = lines.into_iter().map(line).collect();
                Ok(Reply::Audit(AuditPage { entries, next }))
            }
            AuditRequest::Before { before, limit, filter } => {
                let limit = limit.clamp(1, LARGEST_PAGE) as usize;
                let filter = TrailFilter {
                    actor: filter.actor,
                    action: filter.action,
                    subject: filter.subject,
                    since: filter.since,
                    until: filter.until,
                };
                let page = accounts.trail_before(before, limit, &filter).map_err(refused)?;
                let entries = page.entries.into_iter().map(line).collect();
                Ok(Reply::Audit(AuditPage { entries, next: page.next }))
            }
            AuditRequest::Verify => {
                let accounts = accounts.clone();
                let walk = tokio::task::spawn_blocking(move || accounts.verify_trail());
                let report = walk.await.map_err(Failure::failed)?.map_err(refused)?;
                let (broken_at, trouble) = report.broken.unzip();
                let digest = report.digest.iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(Reply::AuditReport(AuditReport {
                    lines: report.lines,
                    digest,
                    broken_at,
                    trouble,
                }))
            }
        }
    }
}

fn console_user(account: ConsoleAccount) -> ConsoleUser {
    ConsoleUser {
        name: account.name,
        role: account.role,
        code: account.sealed_totp.is_some(),
        recovery_codes: u32::try_from(account.recovery.len()).unwrap_or(u32::MAX),
        locked: account.locked,
        created: account.created.to_string(),
        last_sign_in: account.last_sign_in.map(|at| at.to_string()),
    }
}

pub(super) fn token(token: ApiToken) -> Token {
    Token {
        token: token.id,
        name: token.name,
        scopes: token.scopes,
        role: token.role,
        maker: token.maker_name,
        created: token.created.to_string(),
        expires_at: token.expires_at.map(|at| at.to_string()),
        networks: token.networks,
        last_used: token.last_used.map(|at| at.to_string()),
    }
}

fn line(entry: AuditEntry) -> AuditLine {
    AuditLine {
        sequence: entry.sequence,
        at: entry.at.to_string(),
        actor: entry.actor,
        source: entry.source,
        action: entry.action,
        subject: entry.subject,
        detail: entry.detail,
        done: entry.done,
    }
}
