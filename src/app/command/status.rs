//! `tagus status`.

use crate::app::context::Context;
use crate::operations::{Failure, MemoryStatus, Reply, Request, Status};

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    match context.ask_server(&Request::Status)? {
        Reply::Status(status) if context.output.json => context.output.document(&status),
        Reply::Status(status) => context.output.table(&["", ""], &rows(&status)),
        _ => Err(super::unexpected()),
    }
}

fn rows(status: &Status) -> Vec<Vec<String>> {
    let with = |state: &str, detail: &Option<String>| match detail {
        Some(detail) => format!("{state}: {detail}"),
        None => state.to_owned(),
    };
    let listeners = &status.listeners;
    let mut rows = vec![
        ("version", status.version.clone()),
        ("process", status.pid.to_string()),
        ("domain", status.domain.clone()),
        ("data", status.data_dir.display().to_string()),
        ("started", status.started.clone()),
    ];
    for address in listeners.sip.iter().chain(&listeners.web).chain(&listeners.msrp) {
        rows.push(("listens", address.clone()));
    }
    if let Some(metrics) = &listeners.metrics {
        rows.push(("metrics", format!("http://{metrics}/metrics")));
    }
    rows.push(("accounts", status.accounts.to_string()));
    if status.md5_only_accounts > 0 {
        let count = status.md5_only_accounts;
        rows.push(("md5 alone", format!("{count} accounts, so everybody is offered MD5 alone")));
    }
    rows.extend([
        ("bindings", status.bindings.to_string()),
        ("held messages", status.held_messages.to_string()),
        ("subscriptions", status.subscriptions.to_string()),
        ("publications", status.publications.to_string()),
        ("relay sessions", status.relay_sessions.to_string()),
        ("bans", status.bans.to_string()),
        ("directory", with(&status.ldap.state, &status.ldap.detail)),
        ("store", with(&status.store.state, &status.store.detail)),
        ("memory", memory(&status.memory)),
    ]);
    if let Some(tls) = &status.tls {
        let source = tls.source.name();
        rows.push((
            "certificate",
            format!("{source}: {}, until {}", tls.names.join(" "), tls.not_after),
        ));
        rows.push(("authority", tls.authority_fingerprint.clone()));
        if let Some(error) = &tls.error {
            rows.push(("certificate problem", error.clone()));
        }
    }
    rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

fn memory(memory: &MemoryStatus) -> String {
    let mib = |bytes: u64| bytes >> 20;
    match memory.ceiling_bytes {
        Some(most) => {
            format!("{}: {} of {} MiB", memory.state, mib(memory.used_bytes), mib(most))
        }
        None => format!("{}: {} MiB", memory.state, mib(memory.used_bytes)),
    }
}
