//! A person's device credentials: made, shown once with everything that is typed into the device,
//! and revoked.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::live;
use crate::operations::{Device, Exit, PersonDetail, Reply, Request, Status};
use crate::web::{Faults, Key, Shell, Visit, render};

/// A device, as the table shows it.
pub(super) struct DeviceRow {
    pub(super) label: String,
    pub(super) id: String,
    pub(super) created: String,
    pub(super) last_used: Option<String>,
    pub(super) is_md5_only: bool,
    pub(super) is_registered: bool,
}

/// The devices that serve, and those that were revoked, the newest first.
pub(super) fn rows(detail: &PersonDetail) -> (Vec<DeviceRow>, Vec<DeviceRow>) {
    let row = |device: &Device| {
        let key = format!("credential:{}", device.device);
        DeviceRow {
            label: live::cut(&device.name),
            id: device.device.clone(),
            created: device.created.clone(),
            last_used: device.last_used.clone(),
            is_md5_only: device.md5_only,
            is_registered: detail.registrations.iter().any(|one| one.device == key),
        }
    };
    let (revoked, live): (Vec<&Device>, Vec<&Device>) =
        detail.devices.iter().rev().partition(|device| device.revoked);
    (live.into_iter().map(row).collect(), revoked.into_iter().take(20).map(row).collect())
}

#[derive(Template)]
#[template(path = "admin/person-device.html")]
struct NewDevicePage {
    shell: Shell,
    link: String,
    user: String,
    label: String,
    secret: String,
    domain: String,
    proxies: Vec<Proxy>,
}

/// A way to this server, as a device is told.
struct Proxy {
    transport: String,
    address: String,
    note: Key,
}

/// `POST /admin/people/{user}/devices`.
pub(super) async fn add(visit: Visit) -> Response {
    let detail = match super::detail(&visit).await {
        Ok(detail) => detail,
        Err(failure) => return live::refusal(&failure),
    };
    let label = visit.form.trimmed("label");
    let mut faults = Faults::default();
    if label.is_empty() {
        faults.add("label", visit.texts().get("device-label-missing"));
        return super::show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    }
    let request = Request::DeviceAdd {
        user: detail.user.clone(),
        label: label.to_owned(),
        md5_only: visit.form.is_set("md5-only"),
    };
    let made = match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::DeviceSecret(made)) => made,
        Ok(_) => return live::refusal(&live::unexpected()),
        Err(failure) => {
            let t = visit.texts();
            match failure.exit {
                Exit::Usage => faults.add("label", t.get("device-label-long")),
                Exit::Refused => faults.add("", t.get("device-too-many")),
                Exit::Unreachable => faults.add("", t.get("device-directory")),
                _ => return live::refusal(&failure),
            }
            return super::show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
        }
    };
    let status = match visit.desk().perform(&visit.actor(), Request::Status).await {
        Ok(Reply::Status(status)) => *status,
        _ => Status::default(),
    };
    let shell = visit.shell(Key("new-device-title"));
    let page = NewDevicePage {
        link: live::person_link(&detail.user),
        user: live::cut_at(&made.user, 300),
        label: live::cut(label),
        secret: made.secret.expose().to_owned(),
        domain: status.domain.clone(),
        proxies: proxies(&status),
        shell,
    };
    render(StatusCode::OK, &page)
}

/// The ways that the listeners offer, the one that is best first.
fn proxies(status: &Status) -> Vec<Proxy> {
    let wanted = [
        ("tls://", "TLS", "sip", ";transport=tls", Key("proxy-tls")),
        ("tcp://", "TCP", "sip", ";transport=tcp", Key("proxy-tcp")),
        ("udp://", "UDP", "sip", "", Key("proxy-udp")),
    ];
    let mut all = Vec::new();
    for (scheme, transport, uri, parameter, note) in wanted {
        let listener = status.listeners.sip.iter().find_map(|url| url.strip_prefix(scheme));
        if let Some(port) = listener.and_then(|address| address.rsplit(':').next()) {
            let address = format!("{uri}:{}:{port}{parameter}", status.public_name);
            all.push(Proxy { transport: transport.to_owned(), address, note });
        }
    }
    let secure = status.listeners.web.iter().find_map(|url| url.strip_prefix("https://"));
    if let Some(port) = secure.and_then(|address| address.trim_end_matches('/').rsplit(':').next())
    {
        let address = format!("wss://{}:{port}/sip", status.public_name);
        all.push(Proxy { transport: "WebSocket".to_owned(), address, note: Key("proxy-wss") });
    }
    all
}

/// `POST /admin/people/{user}/devices/{device}/revoke`.
pub(super) async fn revoke(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    let request =
        Request::DeviceRevoke { user: user.clone(), device: visit.param("device").to_owned() };
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => visit.go(&format!("{}?done=revoked", live::person_link(&user))),
        Err(failure) => live::refusal(&failure),
    }
}
