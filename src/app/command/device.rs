//! `tagus device`.

use serde_json::json;

use super::unexpected;
use crate::app::cli;
use crate::app::context::Context;
use crate::operations::{Failure, Reply, Request};

pub(super) fn run(context: &Context, command: cli::Device) -> Result<(), Failure> {
    match command {
        cli::Device::Add { user, name, md5_only } => {
            let request = Request::DeviceAdd { user, label: name, md5_only };
            let Reply::DeviceSecret(device) = context.perform(&request)? else {
                return Err(unexpected());
            };
            if context.output.json {
                return context.output.document(&device);
            }
            let rows = [
                ("user", device.user.as_str()),
                ("password", device.secret.expose()),
                ("device", device.device.as_str()),
            ]
            .map(|(name, value)| vec![name.to_owned(), value.to_owned()]);
            context.output.table(&["", ""], &rows)?;
            context.output.say("The password is shown this once and works for this device alone.");
            Ok(())
        }
        cli::Device::List { user } => {
            let Reply::Devices(devices) = context.perform(&Request::DeviceList { user })? else {
                return Err(unexpected());
            };
            if context.output.json {
                return context.output.document(&json!({ "devices": devices }));
            }
            let rows: Vec<Vec<String>> = devices
                .into_iter()
                .map(|device| {
                    let state = if device.revoked { "revoked" } else { "" };
                    let used = device.last_used.unwrap_or_else(|| "never".to_owned());
                    vec![device.device, device.name, device.created, used, state.to_owned()]
                })
                .collect();
            context.output.table(&["DEVICE", "NAME", "CREATED", "LAST USED", "STATE"], &rows)
        }
        cli::Device::Revoke { user, device } => {
            let sentence = format!("{device} can sign in no more.");
            match context.perform(&Request::DeviceRevoke { user, device })? {
                Reply::Done => context.output.either(&json!({ "done": true }), &sentence),
                _ => Err(unexpected()),
            }
        }
    }
}
