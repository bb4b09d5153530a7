//! Device credentials of people.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::people::user;
use super::query::segment;
use crate::operations::{Device, Reply, Request};

/// A person's devices; one has few.
#[derive(Debug, Serialize, ToSchema)]
struct Devices {
    /// The devices.
    items: Vec<Device>,
}

/// A device that is to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDevice {
    /// What the person calls it.
    label: String,
    /// Offer it MD5 alone.
    #[serde(default)]
    md5_only: bool,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ALL: &str = "/api/v1/people/{user}/devices";
    let name = String::new;
    let list = Request::DeviceList { user: name() };
    let add = Request::DeviceAdd { user: name(), label: name(), md5_only: false };
    let revoke = Request::DeviceRevoke { user: name(), device: name() };
    vec![
        Endpoint::new(Method::GET, ALL, &list, "List a person's devices", |call| {
            Ok(Request::DeviceList { user: user(call) })
        })
        .gives(|_, reply| match reply {
            Reply::Devices(items) => Some(Devices { items }),
            _ => None,
        }),
        Endpoint::new(Method::POST, ALL, &add, "Make a device credential", |call| {
            let NewDevice { label, md5_only } = call.json()?;
            Ok(Request::DeviceAdd { user: user(call), label, md5_only })
        })
        .takes::<NewDevice>()
        .makes(
            StatusCode::CREATED,
            |reply| match reply {
                Reply::DeviceSecret(secret) => Some(secret),
                _ => None,
            },
            |made| {
                format!("/api/v1/people/{}/devices/{}", segment(&made.user), segment(&made.device))
            },
        ),
        Endpoint::new(
            Method::DELETE,
            "/api/v1/people/{user}/devices/{device}",
            &revoke,
            "Revoke a device credential; its registrations end",
            |call| {
                let device = call.param("device").to_owned();
                Ok(Request::DeviceRevoke { user: user(call), device })
            },
        ),
    ]
}
