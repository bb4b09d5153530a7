//! The navigation: only pages that exist.

use crate::operations::Right;
use crate::web::{Key, NavGroup, NavPage};

/// What stands at the side of each page.
pub(super) const GROUPS: &[NavGroup] = &[
    NavGroup {
        title: Key("nav-overview"),
        pages: &[
            page("/admin", Key("dashboard-title"), "gauge", Right::See),
            page("/admin/charts", Key("charts-title"), "chart", Right::See),
        ],
    },
    NavGroup {
        title: Key("nav-people"),
        pages: &[
            page("/admin/people", Key("people-title"), "people", Right::See),
            page("/admin/groups", Key("groups-title"), "group", Right::See),
            page("/admin/registrations", Key("registrations-title"), "device", Right::See),
        ],
    },
    NavGroup {
        title: Key("nav-messaging"),
        pages: &[
            page("/admin/queue", Key("queue-title"), "tray", Right::See),
            page("/admin/notice", Key("notice-title"), "megaphone", Right::See),
            page("/admin/bans", Key("bans-title"), "shield", Right::See),
        ],
    },
    NavGroup {
        title: Key("nav-network"),
        pages: &[
            page("/admin/directory", Key("directory-title"), "directory", Right::See),
            page("/admin/certificates", Key("certificates-title"), "seal", Right::Inspect),
            page("/admin/dns", Key("dns-title"), "globe", Right::Inspect),
        ],
    },
    NavGroup {
        title: Key("nav-system"),
        pages: &[
            page("/admin/settings", Key("settings-title"), "settings", Right::Inspect),
            page("/admin/team", Key("team-title"), "team", Right::Inspect),
            page("/admin/tokens", Key("tokens-title"), "key", Right::Inspect),
            page("/admin/audit", Key("audit-title"), "book", Right::Inspect),
            page("/admin/jobs", Key("jobs-title"), "jobs", Right::See),
        ],
    },
];

const fn page(path: &'static str, title: Key, icon: &'static str, right: Right) -> NavPage {
    NavPage { path, title, icon, right }
}
