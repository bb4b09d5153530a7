//! Figures of the past and alerts, as requests.

use super::{Administration, refused};
use crate::accounts::{Actor, ConsoleError};
use crate::app::alerts;
use crate::operations::{AlertRequest, AlertView, Failure, HistoryRequest, HistoryView, Reply};

/// What a running server measures of itself, and says.
pub trait Measured: Send + Sync {
    /// Figures of the past.
    fn history(&self, request: &HistoryRequest) -> HistoryView;
    /// Writes to a person; says how many of his contacts are here.
    fn tell(&self, person: &str, text: &str) -> usize;
}

impl Administration {
    fn running(&self) -> Result<&dyn Measured, Failure> {
        let live = self.live.as_deref().ok_or_else(|| Failure::unreachable("no server runs"))?;
        Ok(live)
    }

    pub(super) fn history(&self, request: &HistoryRequest) -> Result<Reply, Failure> {
        Ok(Reply::History(Box::new(self.running()?.history(request))))
    }

    pub(super) async fn alert(
        &self,
        actor: &Actor,
        request: AlertRequest,
    ) -> Result<Reply, Failure> {
        let accounts = &self.site.accounts;
        match request {
            AlertRequest::Show => {
                let settings = accounts.alert_settings(&actor.name).map_err(refused)?;
                let view = settings.map(|settings| AlertView {
                    person: settings.person,
                    kinds: settings.kinds,
                    language: settings.language,
                });
                Ok(Reply::Alert(view.unwrap_or_default()))
            }
            AlertRequest::Set { person, kinds, language } => {
                let set = accounts.set_alerts(actor, &person, &kinds, &language).await;
                set.map_err(refused).map(|()| Reply::Done)
            }
            AlertRequest::Test => {
                let settings = accounts.alert_settings(&actor.name).map_err(refused)?;
                let none = || refused(ConsoleError::NoAlerts.into());
                let settings = settings.ok_or_else(none)?;
                let text = alerts::trial(&settings.language, self.site.identity.domain());
                Ok(Reply::Count(self.running()?.tell(&settings.person, &text) as u64))
            }
        }
    }
}
