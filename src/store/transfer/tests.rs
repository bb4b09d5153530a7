//! Exports that were cut, changed, or never were any.

use proptest::prelude::*;

use super::*;
use crate::store::{Commit, Store as _, memory};

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn rows() -> impl Strategy<Value = Rows> {
    let key = prop::collection::vec(1..=u8::MAX, 1..12);
    prop::collection::vec((key, prop::collection::vec(any::<u8>(), 0..40)), 0..6)
}

/// A store's export, and how many rows are in it.
fn export_of(rows: &Rows) -> (Vec<u8>, u64) {
    let store = memory();
    let commit = rows.iter().fold(Commit::new(), |commit, (key, value)| {
        commit.put(Table::Accounts, key, value.clone())
    });
    store.commit_blocking(commit).unwrap();
    let mut export = Vec::new();
    let report = store.export(&mut export).unwrap();
    (export, report.total())
}

/// A store with one row, and what it holds after an import.
fn import_into_one(export: &[u8]) -> (Result<TransferReport, ImportError>, Option<Vec<u8>>, u64) {
    let store = memory();
    store.commit_blocking(Commit::new().put(Table::Accounts, b"kept", b"row".to_vec())).unwrap();
    let result = store.import(&mut &export[..], Existing::Replace);
    let kept = store.get(Table::Accounts, b"kept").unwrap();
    (result, kept, store.count(Table::Accounts))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_export_is_imported_as_it_was(rows in rows()) {
        let (export, total) = export_of(&rows);
        prop_assert_eq!(verify(&mut &export[..]).unwrap().total(), total);
        let store = memory();
        prop_assert_eq!(store.import(&mut &export[..], Existing::Refuse).unwrap().total(), total);
        // Of several values of a key the last one counts.
        let expected: std::collections::BTreeMap<_, _> = rows.into_iter().collect();
        prop_assert_eq!(store.count(Table::Accounts), expected.len() as u64);
        for (key, value) in expected {
            prop_assert_eq!(store.get(Table::Accounts, &key).unwrap(), Some(value));
        }
    }

    #[test]
    fn a_damaged_export_is_refused_and_changes_nothing(
        rows in rows(), at: prop::sample::Index, flip in 1..=u8::MAX,
    ) {
        let (mut export, _) = export_of(&rows);
        let at = at.index(export.len());
        export[at] ^= flip;
        prop_assert!(verify(&mut &export[..]).is_err(), "byte {at}");
        let (result, kept, count) = import_into_one(&export);
        prop_assert!(result.is_err());
        prop_assert_eq!((kept, count), (Some(b"row".to_vec()), 1));
    }

    #[test]
    fn a_cut_or_lengthened_export_is_refused_and_changes_nothing(rows in rows(), at: prop::sample::Index) {
        let (export, _) = export_of(&rows);
        let cut = &export[..at.index(export.len())];
        let longer = [&export[..], b"x"].concat();
        for damaged in [cut, &longer] {
            let (result, kept, count) = import_into_one(damaged);
            prop_assert!(result.is_err());
            prop_assert_eq!((kept, count), (Some(b"row".to_vec()), 1));
        }
    }

    #[test]
    fn no_bytes_are_taken_for_an_export(bytes: Vec<u8>) {
        let led = [&MAGIC[..], &VERSION.to_be_bytes(), &bytes].concat();
        prop_assert!(verify(&mut &bytes[..]).is_err());
        prop_assert!(verify(&mut &led[..]).is_err());
    }
}
