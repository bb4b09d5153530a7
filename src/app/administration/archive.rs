//! Everything that is stored, as one file, and back.

use std::fs::{self, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::refused;
use crate::accounts::{Actor, Deed, note_in};
use crate::app::site::Site;
use crate::clock::Clock;
use crate::operations::{Failure, Reply};
use crate::store::{DiskStore, Existing, ImportError, Store as _, Table};

/// Writes everything into a file that does not exist yet, for its owner alone.
pub(super) async fn export(site: &Site, actor: &Actor, path: PathBuf) -> Result<Reply, Failure> {
    let store = Arc::clone(&site.store);
    let file = path.clone();
    let count = aside(move || {
        let shown = path.display();
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::refused(format!("{shown} exists, and an export overwrites nothing"))
            }
            io::ErrorKind::PermissionDenied => Failure::failed(format!(
                "{shown}: {error}; name a file in a directory that user {} may write to",
                nix::unistd::geteuid()
            )),
            _ => Failure::failed(format!("{shown}: {error}")),
        })?;
        let mut writer = BufWriter::new(file);
        let written = store.export(&mut writer).map_err(Failure::failed).and_then(|report| {
            let synced = writer.flush().and_then(|()| writer.get_ref().sync_all());
            synced.map_err(|error| Failure::failed(format!("{shown}: {error}")))?;
            Ok(report.total())
        });
        if written.is_err() {
            // Half an export must not be taken for a whole one.
            let _ = fs::remove_file(&path);
        }
        written
    })
    .await?;
    let deed = Deed { action: "export", subject: &file.to_string_lossy(), detail: &records(count) };
    if let Err(error) = site.accounts.note(actor, deed).await {
        // Everything that is stored leaves the directory: not without a trace.
        let _ = fs::remove_file(&file);
        return Err(refused(error));
    }
    Ok(Reply::Count(count))
}

fn records(count: u64) -> String {
    format!("{count} records")
}

/// Reads everything from a file into a store in which nobody has an account yet.
pub(super) async fn import(site: &Site, path: PathBuf) -> Result<Reply, Failure> {
    let (store, clock) = (Arc::clone(&site.store), site.clock.clone());
    aside(move || read_into(&store, &clock, &path)).await.map(Reply::Count)
}

/// The same, over a store alone: nothing is settled before the file says what it is.
///
/// # Errors
/// A [`Failure`] if the file is none or the store is not empty; nothing was changed then.
pub(in crate::app) fn read_into(
    store: &DiskStore,
    clock: &Clock,
    path: &Path,
) -> Result<u64, Failure> {
    let held: u64 = Table::ALL
        .into_iter()
        // The realm, settled when somebody looked into the directory, is the file's to say.
        .filter(|table| *table != Table::Site)
        .map(|table| store.count(table))
        .sum();
    if held > 0 {
        return Err(Failure::refused(format!(
            "the data directory holds {held} records already; import into an empty one: \
             tagus --data-dir NEW import {}",
            path.display()
        )));
    }
    let mut reader = BufReader::new(open(path)?);
    let report = store.import(&mut reader, Existing::Replace).map_err(|error| match error {
        ImportError::Foreign | ImportError::Newer(_) => Failure::usage(error),
        _ => Failure::failed(error),
    })?;
    // The trail that came with it goes on here.
    let deed = Deed {
        action: "import",
        subject: &path.to_string_lossy(),
        detail: &records(report.total()),
    };
    note_in(store, clock.wall(), &Actor::offline(), deed).map_err(refused)?;
    Ok(report.total())
}

fn open(path: &Path) -> Result<fs::File, Failure> {
    fs::File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::not_found(format!("{}: {error}", path.display())),
        _ => Failure::failed(format!("{}: {error}", path.display())),
    })
}

/// Runs something long where it holds up nobody.
async fn aside(
    work: impl FnOnce() -> Result<u64, Failure> + Send + 'static,
) -> Result<u64, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Failure::failed(format!("it broke off: {error}"))))
}
