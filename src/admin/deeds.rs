//! What the deeds of the audit trail and of the table of rights are called.

use crate::web::Key;

/// Kinds of deeds, with what they are called in filters.
pub(super) const KINDS: [(&str, Key); 18] = [
    ("user.", Key("deeds-user")),
    ("device.", Key("deeds-device")),
    ("directory.", Key("deeds-directory")),
    ("presence.", Key("deeds-presence")),
    ("rules.", Key("deeds-rules")),
    ("ban.", Key("deeds-ban")),
    ("console.", Key("deeds-console")),
    ("token.", Key("deeds-token")),
    ("setup_link.", Key("deeds-setup-link")),
    ("certificate.", Key("deeds-certificate")),
    ("setting.", Key("deeds-setting")),
    ("registration.", Key("deeds-registration")),
    ("queue.", Key("deeds-queue")),
    ("notice.", Key("deeds-notice")),
    ("application.", Key("deeds-application")),
    ("alert.", Key("deeds-alert")),
    ("server.", Key("deeds-server")),
    ("audit.", Key("deeds-audit")),
];

/// What a deed is called; none for one of another release.
pub(super) fn title(deed: &str) -> Option<Key> {
    of_people(deed)
        .or_else(|| of_console(deed))
        .or_else(|| of_server(deed))
        .or_else(|| of_messages(deed))
}

fn of_people(deed: &str) -> Option<Key> {
    Some(match deed {
        "user.add" => Key("deed-user-add"),
        "user.list" => Key("deed-user-list"),
        "user.show" => Key("deed-user-show"),
        "user.passwd" => Key("deed-user-passwd"),
        "user.number" => Key("deed-user-number"),
        "user.disable" => Key("deed-user-disable"),
        "user.enable" => Key("deed-user-enable"),
        "user.delete" => Key("deed-user-delete"),
        "user.import" => Key("deed-user-import"),
        "user.export" => Key("deed-user-export"),
        "user.appear" => Key("deed-user-appear"),
        "user.directory_lock" => Key("deed-user-directory-lock"),
        "user.directory_unlock" => Key("deed-user-directory-unlock"),
        "people.find" => Key("deed-people-find"),
        "directory.show" => Key("deed-directory-show"),
        "directory.preview" => Key("deed-directory-preview"),
        "directory.sync" => Key("deed-directory-sync"),
        "directory.apply" => Key("deed-directory-apply"),
        "directory.dismiss" => Key("deed-directory-dismiss"),
        "directory.absent" => Key("deed-directory-absent"),
        "device.add" => Key("deed-device-add"),
        "device.list" => Key("deed-device-list"),
        "device.revoke" => Key("deed-device-revoke"),
        "presence.show" => Key("deed-presence-show"),
        "presence.watchers" => Key("deed-presence-watchers"),
        "rules.show" => Key("deed-rules-show"),
        "rules.set" => Key("deed-rules-set"),
        "user.edit" => Key("deed-user-edit"),
        "user.log_out" => Key("deed-user-log-out"),
        "person.show" => Key("deed-person-show"),
        "failure.list" => Key("deed-failure-list"),
        "group.list" => Key("deed-group-list"),
        _ => return None,
    })
}

fn of_console(deed: &str) -> Option<Key> {
    Some(match deed {
        "console.list" => Key("deed-console-list"),
        "console.add" => Key("deed-console-add"),
        "console.role" => Key("deed-console-role"),
        "console.passwd" => Key("deed-console-passwd"),
        "console.drop_code" => Key("deed-console-drop-code"),
        "console.set_code" => Key("deed-console-set-code"),
        "console.lock" => Key("deed-console-lock"),
        "console.unlock" => Key("deed-console-unlock"),
        "console.remove" => Key("deed-console-remove"),
        "console.sign_in" => Key("deed-console-sign-in"),
        "console.set_up" => Key("deed-console-set-up"),
        "console.page" => Key("deed-console-page"),
        "console.end_session" => Key("deed-console-end-session"),
        "setup_link.make" => Key("deed-setup-link-make"),
        "setup_link.use" => Key("deed-setup-link-use"),
        "token.list" => Key("deed-token-list"),
        "token.make" => Key("deed-token-make"),
        "token.revoke" => Key("deed-token-revoke"),
        "audit.read" => Key("deed-audit-read"),
        "audit.verify" => Key("deed-audit-verify"),
        _ => return None,
    })
}

fn of_server(deed: &str) -> Option<Key> {
    Some(match deed {
        "status" => Key("deed-status"),
        "ban.list" => Key("deed-ban-list"),
        "ban.lift" => Key("deed-ban-lift"),
        "export" => Key("deed-export"),
        "import" => Key("deed-import"),
        "certificate.show" => Key("deed-certificate-show"),
        "certificate.examine" => Key("deed-certificate-examine"),
        "certificate.install" => Key("deed-certificate-install"),
        "certificate.remove" => Key("deed-certificate-remove"),
        "certificate.renew" => Key("deed-certificate-renew"),
        "certificate.reload" => Key("deed-certificate-reload"),
        "dns.show" => Key("deed-dns-show"),
        "dns.check" => Key("deed-dns-check"),
        "history.show" => Key("deed-history-show"),
        "job.list" => Key("deed-job-list"),
        "job.show" => Key("deed-job-show"),
        "job.result" => Key("deed-job-result"),
        "job.cancel" => Key("deed-job-cancel"),
        "setting.show" => Key("deed-setting-show"),
        "setting.preview" => Key("deed-setting-preview"),
        "setting.set" => Key("deed-setting-set"),
        "setting.reset" => Key("deed-setting-reset"),
        "server.restart" => Key("deed-server-restart"),
        "directory.settings" => Key("deed-directory-settings"),
        "directory.try" => Key("deed-directory-try"),
        "alert.show" => Key("deed-alert-show"),
        "alert.set" => Key("deed-alert-set"),
        "alert.test" => Key("deed-alert-test"),
        _ => return None,
    })
}

fn of_messages(deed: &str) -> Option<Key> {
    Some(match deed {
        "registration.list" => Key("deed-registration-list"),
        "registration.end" => Key("deed-registration-end"),
        "queue.show" => Key("deed-queue-show"),
        "queue.deliver" => Key("deed-queue-deliver"),
        "queue.drop" => Key("deed-queue-drop"),
        "message.test" => Key("deed-message-test"),
        "notice.send" => Key("deed-notice-send"),
        "notice.send_all" => Key("deed-notice-send-all"),
        "notice.reach" => Key("deed-notice-reach"),
        "notice.job" => Key("deed-notice-job"),
        "notice.mutes" => Key("deed-notice-mutes"),
        "notice.mute" => Key("deed-notice-mute"),
        "notice.unmute" => Key("deed-notice-unmute"),
        "application.list" => Key("deed-application-list"),
        "application.add" => Key("deed-application-add"),
        "application.set" => Key("deed-application-set"),
        "application.remove" => Key("deed-application-remove"),
        "application.token" => Key("deed-application-token"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{Request, examples};

    #[test]
    fn whatever_somebody_can_ask_for_has_a_title() {
        for deed in examples().iter().map(|request| Request::rule(request).deed) {
            assert!(title(deed).is_some(), "{deed}");
        }
    }
}
