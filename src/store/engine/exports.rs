//! The way back: a verified export on a timer, and the one before it.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Inner;
use super::generation::{Generation, GenerationError};
use super::layout::Layout;
use crate::clock::WallTime;
use crate::store::files;
use crate::store::transfer::{ExportError, ImportError, Importer, verify};

/// The newest export and the one before, newest first.
pub(super) fn paths(layout: &Layout) -> [PathBuf; 2] {
    let directory = layout.exports();
    [directory.join("latest.export"), directory.join("previous.export")]
}

/// The thread's life: exports every so often if anything changed.
pub(super) fn run(inner: &Arc<Inner>, every: Duration) {
    let mut exported = None;
    let (closing, told) = &inner.closing;
    loop {
        let closed = closing.lock().unwrap_or_else(PoisonError::into_inner);
        let (closed, _) = told
            .wait_timeout_while(closed, every, |closed| !*closed)
            .unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return;
        }
        drop(closed);
        let sequence = inner.sequence.load(Ordering::Acquire);
        if exported == Some(sequence) {
            continue;
        }
        match make(inner) {
            Ok(()) => exported = Some(sequence),
            Err(error) => tracing::error!(%error, "the store's own export failed"),
        }
    }
}

/// Makes an export, reads it back, and only then puts it in the place of the last.
pub(super) fn make(inner: &Inner) -> Result<(), ExportError> {
    files::make_directory(&inner.layout.exports())?;
    let [latest, previous] = paths(&inner.layout);
    let temporary = files::beside(&latest);
    let made = write(inner, &temporary);
    if made.is_err() {
        // A full volume needs the space more.
        let _ = files::remove(&temporary);
    }
    let made_at = made?;
    match fs::rename(&latest, &previous) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::rename(&temporary, &latest)?;
    files::sync_directory(&inner.layout.exports())?;
    *inner.last_export.lock().unwrap_or_else(PoisonError::into_inner) = Some(made_at);
    Ok(())
}

fn write(inner: &Inner, path: &Path) -> Result<WallTime, ExportError> {
    let mut to = BufWriter::with_capacity(256 * 1024, files::create(path)?);
    let written = inner.export(&mut to)?;
    to.flush()?;
    to.get_ref().sync_all()?;
    drop(to);
    let read = verify(&mut BufReader::new(File::open(path)?))
        .map_err(|error| ExportError::Damaged(error.to_string()))?;
    if read != written {
        return Err(ExportError::Damaged("the export reads back differently".into()));
    }
    Ok(written.made_at)
}

/// Builds a generation from the newest export that is whole, and puts it in use; says which.
pub(super) fn restore(
    layout: &Layout,
    cache_bytes: u64,
    notes: &mut Vec<String>,
) -> Result<Option<u64>, GenerationError> {
    for path in paths(layout) {
        let Ok(file) = File::open(&path) else { continue };
        let restored = restore_from(layout, file, cache_bytes);
        match restored {
            Ok((number, made_at)) => {
                notes.push(format!(
                    "RESTORED the export of {made_at}: every change since then is lost"
                ));
                return Ok(Some(number));
            }
            Err(ImportError::Store(error)) => return Err(GenerationError::Io(error)),
            Err(error) => notes.push(format!("{}: {error}", path.display())),
        }
    }
    Ok(None)
}

fn restore_from(
    layout: &Layout,
    file: File,
    cache_bytes: u64,
) -> Result<(u64, WallTime), ImportError> {
    let mut importer = Importer::begin(BufReader::new(file))?;
    let number = Generation::build(layout, 1, cache_bytes, &mut || importer.next())?;
    Ok((number, importer.report().made_at))
}
