//! Debian's Kamailio, started with a configuration of the tests.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::programs::{program, repository};

/// A running one, ended when dropped.
pub(crate) struct Kamailio {
    child: Child,
    home: TempDir,
}

impl Kamailio {
    /// Starts it within `home` with the file `tests/peers/TEMPLATE`, in which each `@NAME@` is replaced.
    pub(crate) fn start(home: TempDir, template: &str, names: &[(&str, &str)]) -> Kamailio {
        let file = repository("tests/peers").join(template);
        let mut text = fs::read_to_string(file).expect("the configuration");
        for (name, value) in names.iter().chain(&[("@MODULES@", modules())]) {
            text = text.replace(name, value);
        }
        let configuration = home.path().join("kamailio.cfg");
        fs::write(&configuration, text).expect("the configuration");
        let log = fs::File::create(home.path().join("log")).expect("a log");
        let child = Command::new(program("kamailio", "kamailio"))
            .arg("-f")
            .arg(&configuration)
            .args(["-DD", "-E", "-m", "32", "-M", "8"])
            .arg("-Y")
            .arg(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("kamailio can be run");
        Kamailio { child, home }
    }

    /// Where its files are.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// What it has said until now.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its first process ends its others.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn modules() -> &'static str {
    ["/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules"]
        .into_iter()
        .find(|path| Path::new(path).is_dir())
        .expect("kamailio's modules are missing: apt-get install kamailio")
}
