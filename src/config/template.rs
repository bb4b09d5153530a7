//! The commented configuration file: the one of the repository, and the one that `init` writes.

use std::path::Path;

/// `config/tagus.toml`: every key, commented, with its default.
pub const TEMPLATE: &str = include_str!("../../config/tagus.toml");

/// The template with what was chosen at set-up. A `data_dir` that is the default stays commented.
#[must_use]
pub fn render(domain: &str, data_dir: &Path) -> String {
    let mut out = TEMPLATE.replacen(
        "#domain = \"\"",
        &format!("domain = {}", quoted(domain)),
        usize::from(!domain.is_empty()),
    );
    let default = "#data_dir = \"/var/lib/tagus\"";
    let chosen = format!("data_dir = {}", quoted(&data_dir.to_string_lossy()));
    if default.get(1..) != Some(chosen.as_str()) {
        out = out.replacen(default, &chosen, 1);
    }
    out
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::Schema;
    use crate::config::{Config, Machine, Origin, Sources, load_file};

    /// The template with every default and every example in force.
    fn uncommented() -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        TEMPLATE.lines().map(|text| line(text) + "\n").collect()
    }

    fn machine() -> Machine {
        Machine { host_name: "im.campus.example".to_owned(), root: true, ..Machine::default() }
    }

    fn load(text: &str) -> crate::config::Loaded {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tagus.toml");
        std::fs::write(&path, text).unwrap();
        load_file(&path, machine()).unwrap()
    }

    #[test]
    fn the_file_as_it_stands_changes_nothing() {
        let nothing = Sources { machine: machine(), ..Sources::default() }.load().unwrap();
        assert_eq!(load(TEMPLATE).config, nothing.config);
    }

    #[test]
    fn every_key_is_in_the_file_with_its_default() {
        let loaded = load(&uncommented());
        let missing: Vec<String> = Schema::new()
            .iter()
            .map(|(key, _)| key.clone())
            .filter(|key| loaded.origin(key) == Origin::Default)
            .collect();
        assert!(missing.is_empty(), "not in config/tagus.toml: {missing:?}");

        let mut config = loaded.config;
        assert_eq!(config.sip.route.len(), 1, "the example");
        assert_eq!(config.presence.group_policy.len(), 1, "the example");
        config.sip.route.clear();
        config.presence.group_policy.clear();
        let mut expected = Config::default();
        "campus.example".clone_into(&mut expected.domain);
        "im.campus.example".clone_into(&mut expected.public_name);
        assert_eq!(config, expected);
    }

    #[test]
    fn every_group_of_keys_is_explained() {
        let mut before = "";
        for line in TEMPLATE.lines() {
            let is_key = |line: &str| line.starts_with('#') && !line.starts_with("# ");
            if is_key(line) && line != "#" {
                assert!(before.starts_with('#'), "no explanation above {line:?}");
            }
            before = line;
        }
        let long: Vec<&str> = TEMPLATE.lines().filter(|line| line.chars().count() > 100).collect();
        assert!(long.is_empty(), "longer than 100 characters: {long:#?}");
    }

    #[test]
    fn init_sets_what_was_chosen_and_nothing_else() {
        let loaded = load(&render("ist.example", Path::new("/srv/a \"b\"")));
        assert_eq!(loaded.config.domain, "ist.example");
        assert_eq!(loaded.config.data_dir, Path::new("/srv/a \"b\""));
        let set = loaded.settings().values().filter(|s| s.origin != "default").count();
        assert_eq!(set, 2);
        assert!(render("", Path::new("/var/lib/tagus")) == TEMPLATE);
    }
}
