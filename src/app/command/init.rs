//! `tagus init`: a commented configuration and an empty data directory.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde_json::json;

use crate::app::cli;
use crate::app::context::Context;
use crate::app::process;
use crate::config;
use crate::operations::Failure;

pub(super) fn run(context: &Context, arguments: &cli::Init) -> Result<(), Failure> {
    let mut sources = context.sources();
    // What exists already is not asked: this command makes the file.
    sources.file = None;
    if let Some(domain) = &arguments.domain {
        sources.set.push(format!("domain={domain}"));
    }
    let machine = sources.machine.clone();
    let config = sources.load().map_err(Failure::usage)?.config;
    let file = context
        .global
        .config
        .clone()
        .unwrap_or_else(|| machine.own_file(context.global.data_dir.as_deref()));
    process::own_data_dir(&config.data_dir)?;
    write_new(&file, &config::render(&config.domain, &config.data_dir))?;
    let document = json!({ "config": file, "data_dir": config.data_dir, "domain": config.domain });
    if context.output.json {
        return context.output.document(&document);
    }
    context.output.line(&format!("Wrote {} for the domain {}.", file.display(), config.domain))?;
    context.output.line(&format!("Everything will be kept in {}.", config.data_dir.display()))?;
    let found = machine.find_file(None).is_some_and(|found| found == file);
    let option = if found { String::new() } else { format!(" --config {}", file.display()) };
    context.output.line(&format!("Next: tagus serve{option}"))
}

/// Writes a file that must not exist yet, and makes its directory.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(|error| {
            Failure::failed(format!("{} cannot be made: {error}", parent.display()))
        })?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    match file {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Failure::refused(format!("{} exists already and stays as it is", path.display())))
        }
        Err(error) => {
            Err(Failure::failed(format!("{} cannot be written: {error}", path.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::context::Global;
    use crate::operations::Exit;

    #[test]
    fn init_writes_what_serve_reads_and_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let global = Global { data_dir: Some(data_dir.clone()), ..Global::default() };
        let context = Context::new(global);
        let arguments = cli::Init { domain: Some("Ist.Example".to_owned()) };
        run(&context, &arguments).unwrap();
        let loaded = context.load().unwrap();
        assert_eq!(loaded.file.as_deref(), Some(data_dir.join("tagus.toml").as_path()));
        assert_eq!(loaded.config.domain, "ist.example");
        assert_eq!(loaded.config.data_dir, data_dir);

        std::fs::write(data_dir.join("tagus.toml"), "# mine").unwrap();
        assert_eq!(run(&context, &arguments).unwrap_err().exit, Exit::Refused);
        assert_eq!(std::fs::read(data_dir.join("tagus.toml")).unwrap(), b"# mine");
    }

    #[test]
    fn init_refuses_a_domain_that_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = Some(folder.path().join("data"));
        let context = Context::new(Global { data_dir, ..Global::default() });
        let arguments = cli::Init { domain: Some("no domain".to_owned()) };
        assert_eq!(run(&context, &arguments).unwrap_err().exit, Exit::Usage);
        assert!(!folder.path().join("data").exists());
    }
}
