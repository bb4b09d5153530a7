//! What the defaults take from the machine: its name, the rights of the process, the home
//! directory; and where a configuration file is looked for.

use std::path::{Path, PathBuf};

/// The system's configuration file.
pub const SYSTEM_FILE: &str = "/etc/tagus/tagus.toml";

/// The machine and the process as far as defaults depend on them.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The machine's own host name, in lower case.
    pub host_name: String,
    /// Whether the process runs as root.
    pub root: bool,
    /// Where this user's data goes (`$XDG_DATA_HOME`, else `~/.local/share`), if he has a home.
    pub data_home: Option<PathBuf>,
    /// Where this user's configuration goes (`$XDG_CONFIG_HOME`, else `~/.config`).
    pub config_home: Option<PathBuf>,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn detect() -> Machine {
        let directory = |variable: &str, below_home: &str| {
            let given = std::env::var_os(variable).map(PathBuf::from);
            let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(below_home));
            given.into_iter().chain(home).find(|path| path.is_absolute())
        };
        let host_name = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .or_else(|_| std::fs::read_to_string("/etc/hostname"))
            .unwrap_or_default()
            .trim()
            .trim_end_matches('.')
            .to_ascii_lowercase();
        Machine {
            host_name: if super::check::is_host(&host_name) {
                host_name
            } else {
                "localhost".to_owned()
            },
            root: nix::unistd::geteuid().is_root(),
            data_home: directory("XDG_DATA_HOME", ".local/share"),
            config_home: directory("XDG_CONFIG_HOME", ".config"),
        }
    }

    /// The domain when none is given: the domain of the machine's name, or that name.
    #[must_use]
    pub fn domain(&self) -> String {
        match self.host_name.split_once('.') {
            Some((_, domain)) if domain.contains('.') => domain.to_owned(),
            _ => self.host_name.clone(),
        }
    }

    /// Where `init` writes and where files are looked for first: beside the data if its place is
    /// given, in the system's place for root, else in the user's.
    #[must_use]
    pub fn own_file(&self, data_dir: Option<&Path>) -> PathBuf {
        match (data_dir, &self.config_home) {
            (Some(data_dir), _) => data_dir.join("tagus.toml"),
            (None, Some(home)) if !self.root => home.join("tagus/tagus.toml"),
            _ => PathBuf::from(SYSTEM_FILE),
        }
    }

    /// The configuration file that is read when none is named: the first that exists of the one in
    /// the data directory given, the user's own and the system's.
    #[must_use]
    pub fn find_file(&self, data_dir: Option<&Path>) -> Option<PathBuf> {
        let mut places = vec![self.own_file(data_dir)];
        places.push(self.own_file(None));
        places.push(PathBuf::from(SYSTEM_FILE));
        places.into_iter().find(|path| path.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(host_name: &str, root: bool) -> Machine {
        Machine {
            host_name: host_name.to_owned(),
            root,
            data_home: Some(PathBuf::from("/home/ana/.local/share")),
            config_home: Some(PathBuf::from("/home/ana/.config")),
        }
    }

    #[test]
    fn the_domain_is_that_of_the_machine() {
        assert_eq!(machine("im.campus.example", true).domain(), "campus.example");
        assert_eq!(machine("campus.example", true).domain(), "campus.example");
        assert_eq!(machine("box", true).domain(), "box");
    }

    #[test]
    fn the_file_lies_with_the_data_or_with_its_owner() {
        let ana = machine("box", false);
        assert_eq!(ana.own_file(None), Path::new("/home/ana/.config/tagus/tagus.toml"));
        assert_eq!(ana.own_file(Some(Path::new("/d"))), Path::new("/d/tagus.toml"));
        assert_eq!(machine("box", true).own_file(None), Path::new(SYSTEM_FILE));
    }

    #[test]
    fn this_machine_has_a_name() {
        assert!(!Machine::detect().host_name.is_empty());
    }
}
