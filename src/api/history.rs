//! Figures of the past, as charts show them.

use axum::http::Method;

use super::endpoint::Endpoint;
use super::query::{Kind, Param, param};
use crate::operations::{HistoryRequest, Reply, Request, Series, Window};
use crate::web::Call;

/// What series are called, in the order of [`Series::ALL`].
const SERIES: &[&str] = &[
    "devices",
    "online",
    "accepted",
    "delivered",
    "held",
    "delivered_later",
    "failed",
    "waiting",
    "delivery_time",
    "auth_failures",
    "bans",
    "directory_time",
    "directory_errors",
    "cache_hits",
    "sip_requests",
    "sip_failures",
    "subscriptions",
    "notifies",
    "memory",
    "store_size",
    "commit_time",
    "descriptors",
    "web_requests",
];
/// What of the past.
const FIGURES: &[Param] = &[
    param("window", Kind::Choice(&["2h", "24h", "7d", "90d", "2y"]), "How far back; a day."),
    param("series", Kind::Words(SERIES), "Which, with commas between them; all, if none is named."),
];

fn request(call: &Call) -> HistoryRequest {
    let wanted = call.query.get("series");
    let named = SERIES
        .iter()
        .zip(Series::ALL)
        .filter(|(name, _)| wanted.is_empty() || wanted.split(',').any(|word| word == **name));
    let series = named.map(|(_, series)| *series).collect();
    let window = Window::parse(call.query.get("window")).unwrap_or_default();
    HistoryRequest { window, series }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(
            Method::GET,
            "/api/v1/history",
            &Request::History(HistoryRequest::default()),
            "Figures of the past, at equal distances",
            |call| Ok(Request::History(request(call))),
        )
        .with(FIGURES)
        .gives(|_, reply| match reply {
            Reply::History(history) => Some(*history),
            _ => None,
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_and_every_window_has_its_word() {
        let words = serde_json::to_value(Series::ALL).unwrap();
        assert_eq!(words, serde_json::to_value(SERIES).unwrap());
        for window in Window::ALL {
            let Kind::Choice(names) = FIGURES[0].kind else { panic!() };
            assert!(names.contains(&window.name()));
        }
    }
}
