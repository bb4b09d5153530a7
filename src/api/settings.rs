//! The configuration: seen, tried, changed. Secrets go in and never come out.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::query::{Kind, Param, param};
use crate::operations::{
    Reply, Request, Secret, SettingChange, SettingDifference, SettingRequest, SettingView,
};
use crate::web::{Call, Problem};

/// Which keys.
const KEYS: &[Param] = &[param("prefix", Kind::Text, "Only keys that begin so.")];

/// Keys with their values; there are as many as there are settings.
#[derive(Debug, Serialize, ToSchema)]
struct Settings {
    /// The keys, in their order.
    items: Vec<SettingView>,
}

/// Keys that are to say something else: all of them or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSettings {
    /// The keys.
    changes: Vec<NewSetting>,
}

/// A key that is to say something else.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSetting {
    /// The key, dotted.
    key: String,
    /// The value, as after `--set KEY=`; none gives up what was stored.
    #[serde(default)]
    value: Option<Secret>,
}

/// Keys of which is given up what was stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GivenUp {
    /// The keys, dotted.
    keys: Vec<String>,
}

fn changes(call: &Call) -> Result<Vec<SettingChange>, Problem> {
    let NewSettings { changes } = call.json()?;
    Ok(changes.into_iter().map(|NewSetting { key, value }| SettingChange { key, value }).collect())
}

fn difference(_: &Call, reply: Reply) -> Option<SettingDifference> {
    match reply {
        Reply::SettingDifference(difference) => Some(*difference),
        _ => None,
    }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ALL: &str = "/api/v1/settings";
    let sample = Request::Setting;
    let show = sample(SettingRequest::Show { prefix: String::new() });
    let preview = sample(SettingRequest::Preview { changes: Vec::new() });
    let apply = sample(SettingRequest::Apply { changes: Vec::new() });
    let reset = sample(SettingRequest::Reset { keys: Vec::new() });
    let restart = sample(SettingRequest::Restart);
    vec![
        Endpoint::new(Method::GET, ALL, &show, "Show the configuration", |call| {
            let prefix = call.query.get("prefix").to_owned();
            Ok(Request::Setting(SettingRequest::Show { prefix }))
        })
        .with(KEYS)
        .gives(|_, reply| match reply {
            Reply::Settings(items) => Some(Settings { items }),
            _ => None,
        }),
        Endpoint::new(
            Method::POST,
            "/api/v1/settings/preview",
            &preview,
            "Tell what changes would do, and what would be wrong with them",
            |call| Ok(Request::Setting(SettingRequest::Preview { changes: changes(call)? })),
        )
        .takes::<NewSettings>()
        .gives(difference),
        Endpoint::new(
            Method::PATCH,
            ALL,
            &apply,
            "Store changes, and put in force what can be at once",
            |call| Ok(Request::Setting(SettingRequest::Apply { changes: changes(call)? })),
        )
        .takes::<NewSettings>()
        .gives(difference),
        Endpoint::new(
            Method::POST,
            "/api/v1/settings/reset",
            &reset,
            "Give up what was stored, so that the file or the default counts again",
            |call| {
                let GivenUp { keys } = call.json()?;
                Ok(Request::Setting(SettingRequest::Reset { keys }))
            },
        )
        .takes::<GivenUp>()
        .gives(difference),
        Endpoint::new(
            Method::POST,
            "/api/v1/restart",
            &restart,
            "Start the server again, so that what waits for that is in force",
            |_| Ok(Request::Setting(SettingRequest::Restart)),
        ),
    ]
}
