//! The settings that somebody made, as a configuration file.

use crate::operations::SettingView;

/// What is not the default, as a file that another server starts with. A secret is in no file.
pub(super) fn toml(settings: &[SettingView]) -> String {
    let mut text =
        "# Tagus: what is set here beyond the defaults. Secrets are left out.\n".to_owned();
    let set = || settings.iter().filter(|one| one.origin != "default" && !one.secret);
    for setting in set().filter(|one| !one.key.contains('.')) {
        text.push_str(&format!("{} = {}\n", setting.key, setting.value));
    }
    let mut section = "";
    for setting in set() {
        let Some((prefix, name)) = setting.key.rsplit_once('.') else { continue };
        if prefix != section {
            text.push_str(&format!("\n[{prefix}]\n"));
            section = prefix;
        }
        text.push_str(&format!("{name} = {}\n", setting.value));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(key: &str, value: &str, origin: &str) -> SettingView {
        SettingView {
            key: key.to_owned(),
            value: value.to_owned(),
            origin: origin.to_owned(),
            ..SettingView::default()
        }
    }

    #[test]
    fn what_is_set_is_a_file_that_says_the_same() {
        let secret = view(crate::config::BIND_PASSWORD, "", "console");
        let settings = [
            view("domain", "\"campus.test\"", "file"),
            SettingView { secret: true, ..secret },
            view("identity.source", "\"ldap\"", "console"),
            view("presence.group_policy", "[{ group = \"staff\", policy = \"allow\" }]", "console"),
            view("sip.workers", "0", "default"),
        ];
        let text = toml(&settings);
        let config: crate::config::Config = ::toml::from_str(&text).unwrap();
        assert_eq!(config.domain, "campus.test");
        assert_eq!(config.presence.group_policy[0].group, "staff");
        assert!(!text.contains("workers") && !text.contains("bind_password"), "{text}");
    }
}
