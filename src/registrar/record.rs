//! Rows as they are stored.
//!
//! In memory a binding ends at a monotonic time, on disk at a wall time: the one keeps an
//! administrator who sets the clock from ending registrations, the other survives a restart.

use std::time::Duration;

use super::row::{Binding, Row, Seen};
use crate::clock::{Tick, WallTime};
use crate::model::{self, BindingRow, SeenDevice};
use crate::sip::ConnectionId;

impl Row {
    /// The row as it is stored at `now`, which is `wall`.
    pub(super) fn to_record(&self, aor: &str, now: Tick, wall: WallTime) -> BindingRow {
        BindingRow {
            aor: aor.to_owned(),
            bindings: self.bindings.iter().map(|binding| binding.to_record(now, wall)).collect(),
            seen: self
                .seen
                .iter()
                .map(|seen| SeenDevice { device: seen.device.clone(), at: seen.at })
                .collect(),
            instances: self.instances.iter().map(|instance| (**instance).to_owned()).collect(),
        }
    }

    /// A stored row at the start of a process. Bindings that hung on a connection went with it;
    /// none lasts longer than `longest`, whatever the clock did in between.
    pub(super) fn from_record(
        record: BindingRow,
        now: Tick,
        wall: WallTime,
        longest: Duration,
    ) -> Row {
        Row {
            bindings: record
                .bindings
                .into_iter()
                .filter(|binding| !binding.connection_bound)
                .map(|binding| Binding::from_record(binding, now, wall, longest))
                .collect(),
            seen: record
                .seen
                .into_iter()
                .map(|seen| Seen { device: seen.device, at: seen.at, stored_at: seen.at })
                .collect(),
            instances: record.instances.into_iter().map(Into::into).collect(),
        }
    }
}

impl Binding {
    fn to_record(&self, now: Tick, wall: WallTime) -> model::Binding {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        model::Binding {
            contact_uri: text(&self.contact),
            flow: self.flow,
            call_id: text(&self.call_id),
            cseq: self.cseq,
            q: self.q,
            created: self.created,
            refreshed: wall,
            expires_at: wall + self.stored_until.since(now),
            instance: self.instance.as_deref().map(str::to_owned),
            reg_id: self.reg_id,
            path: self
                .route
                .as_deref()
                .map(|route| crate::text::commas(route).map(text).collect())
                .unwrap_or_default(),
            params: self.params.as_deref().map(str::to_owned).unwrap_or_default(),
            device: self.device.clone(),
            user_agent: self.user_agent.as_deref().map(str::to_owned),
            connection_bound: self.connection_bound,
        }
    }

    fn from_record(
        record: model::Binding,
        now: Tick,
        wall: WallTime,
        longest: Duration,
    ) -> Binding {
        let left = record.expires_at.since(wall).min(longest);
        let mut flow = record.flow;
        flow.connection = ConnectionId::NONE;
        Binding {
            contact: record.contact_uri.into_bytes().into(),
            flow,
            connection_bound: record.connection_bound,
            device: record.device,
            call_id: record.call_id.into_bytes().into(),
            cseq: record.cseq,
            q: record.q,
            expires: now + left,
            instance: record.instance.map(Into::into),
            reg_id: record.reg_id,
            params: (!record.params.is_empty()).then(|| record.params.into()),
            route: (!record.path.is_empty()).then(|| record.path.join(", ").into_bytes().into()),
            user_agent: record.user_agent.map(Into::into),
            created: record.created,
            stored_until: now + left,
        }
    }
}
