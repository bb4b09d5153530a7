//! A server that only notes what it is told.

use super::*;

/// A server as far as operations see one.
#[derive(Default)]
pub(super) struct Noting(pub(super) Mutex<Vec<String>>);

impl Noting {
    pub(super) fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Measured for Noting {
    fn history(&self, _: &HistoryRequest) -> HistoryView {
        HistoryView::default()
    }
    fn tell(&self, person: &str, text: &str) -> usize {
        self.note(format!("told {person} {text}"));
        1
    }
}

impl Live for Noting {
    fn web(&self) -> Vec<Listener> {
        vec!["http://127.0.0.1:8080".parse().unwrap()]
    }

    fn describe(&self, status: &mut Status) {
        status.bindings = 7;
    }
    fn contacts(&self, user: &UserName) -> Vec<String> {
        vec![format!("sip:{user}@192.0.2.1")]
    }
    fn registered(&self) -> std::collections::HashSet<UserName> {
        [UserName::canonical("ana")].into()
    }
    fn notify(&self, notice: Notice) -> Notifying<'_> {
        self.note(format!("notice {} {}", notice.user, notice.application));
        Box::pin(async { Taken::Held })
    }
    fn count_notice(&self, application: &str, outcome: &'static str) {
        self.note(format!("counted {application} {outcome}"));
    }
    fn departed(&self, user: &UserName) {
        self.note(format!("departed {user}"));
    }
    fn unread(&self, _: &UserName) -> Vec<Undelivered> {
        Vec::new()
    }
    fn deleted(&self, user: &UserName, _: Vec<Undelivered>) {
        self.note(format!("deleted {user}"));
    }
    fn device_revoked(&self, user: &UserName, device: &str) {
        self.note(format!("revoked {user} {}", device.len()));
    }
    fn bans(&self) -> Vec<BanView> {
        Vec::new()
    }
    fn lift(&self, _: Option<IpAddr>, user: Option<&str>) -> u64 {
        self.note(format!("lift {user:?}"));
        2
    }
    fn watching(&self) -> Result<Watching, Failure> {
        Err(Failure::failed("nobody watches here"))
    }
    fn certificates(&self) -> Result<Arc<Certificates>, Failure> {
        Err(Failure::failed("nothing is served here"))
    }

    fn settings_changed(&self, _: &Config, after: &Config) {
        self.note(format!("expires {}", after.registrar.max_expires));
    }
    fn restart(&self) -> Result<(), Failure> {
        self.note("restart".to_owned());
        Ok(())
    }
}
