//! The engine on disk: the rules of every engine, and what a disk adds.

use std::sync::Arc;

use super::*;
use crate::store::conformance::suite;

fn options(directory: &tempfile::TempDir) -> Options {
    Options {
        export_every: None,
        reserve_bytes: 0,
        space: Arc::new(|_| None),
        ..Options::new(directory.path())
    }
}

#[test]
fn the_engine_on_disk_conforms() {
    let directories = Mutex::new(Vec::new());
    suite(&|| {
        let directory = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(open(options(&directory)).unwrap());
        directories.lock().unwrap().push(directory);
        store
    });
}

/// sled lets go of its file some time after it was closed; a store must open all the same.
#[test]
fn a_store_that_was_just_closed_opens_again_at_once() {
    let load: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                let directory = tempfile::tempdir().unwrap();
                for _ in 0..20 {
                    drop(open(options(&directory)).unwrap());
                }
            })
        })
        .collect();
    for thread in load {
        thread.join().unwrap();
    }
}
