//! What every engine must do. Each engine's tests run [`suite`] on fresh stores.

use std::sync::Arc;

use super::*;

/// Runs every rule on a fresh store each.
pub(super) fn suite(fresh: &dyn Fn() -> Arc<dyn Store>) {
    let rules: [fn(&dyn Store); 9] = [
        a_row_is_read_back_until_it_is_deleted,
        tables_are_apart,
        a_commit_spans_tables_or_does_nothing,
        expectations_are_checked_against_the_rows,
        the_last_change_of_a_key_counts,
        scans_page_in_order_within_the_prefix,
        relaxed_changes_keep_their_place_and_are_there_after_a_flush,
        rows_over_the_limits_are_refused,
        a_watcher_hears_of_each_changed_row,
    ];
    for rule in rules {
        rule(fresh().as_ref());
    }
    of_many_racing_swaps_each_is_made_once(&fresh());
}

fn a_row_is_read_back_until_it_is_deleted(store: &dyn Store) {
    let table = Table::Accounts;
    assert_eq!(store.get(table, b"alice"), Ok(None));
    for value in [&b""[..], b"one", &[0xff; 300], &[7; 200_000], b"back to small"] {
        store.commit_blocking(Commit::new().put(table, b"alice", value)).unwrap();
        assert_eq!(store.get(table, b"alice").unwrap().as_deref(), Some(value));
        assert_eq!(store.count(table), 1);
    }
    store.commit_blocking(Commit::new().delete(table, b"alice")).unwrap();
    assert_eq!(store.get(table, b"alice"), Ok(None));
    assert_eq!(store.count(table), 0);
    // Deleting what is not there is fine.
    store.commit_blocking(Commit::new().delete(table, b"alice")).unwrap();
    assert_eq!(store.health().mode, Mode::Writable);
}

fn tables_are_apart(store: &dyn Store) {
    let mut commit = Commit::new();
    for table in Table::ALL {
        commit = commit.put(table, b"k", vec![table.id()]);
    }
    store.commit_blocking(commit).unwrap();
    for table in Table::ALL {
        assert_eq!(store.get(table, b"k"), Ok(Some(vec![table.id()])));
        let all = store.scan(table, b"", None, 10).unwrap();
        assert_eq!(all, vec![(b"k".to_vec(), vec![table.id()])]);
        assert_eq!(store.count(table), 1);
    }
}

fn a_commit_spans_tables_or_does_nothing(store: &dyn Store) {
    let commit = Commit::new().put(Table::Accounts, b"alice", b"a").and(Commit::new().put(
        Table::Bindings,
        b"alice",
        b"b",
    ));
    store.commit_blocking(commit).unwrap();
    let commit = Commit::new().delete(Table::Accounts, b"alice").and(
        Commit::new().delete(Table::Bindings, b"alice").expect_absent(Table::Bindings, b"alice"),
    );
    assert_eq!(store.commit_blocking(commit), Err(CommitError::Conflict));
    assert_eq!(store.get(Table::Accounts, b"alice"), Ok(Some(b"a".to_vec())));
    assert_eq!(store.get(Table::Bindings, b"alice"), Ok(Some(b"b".to_vec())));
}

fn expectations_are_checked_against_the_rows(store: &dyn Store) {
    let table = Table::Settings;
    let swap = |expectation, value: &[u8]| {
        store
            .commit_blocking(Commit::new().expect(table, b"k", expectation).put(table, b"k", value))
    };
    assert_eq!(swap(Expectation::Present, b"1"), Err(CommitError::Conflict));
    assert_eq!(swap(Expectation::Equals(b"".to_vec()), b"1"), Err(CommitError::Conflict));
    assert_eq!(swap(Expectation::Absent, b"1"), Ok(()));
    assert_eq!(swap(Expectation::Absent, b"2"), Err(CommitError::Conflict));
    assert_eq!(swap(Expectation::Equals(b"0".to_vec()), b"2"), Err(CommitError::Conflict));
    assert_eq!(swap(Expectation::Equals(b"1".to_vec()), b"2"), Ok(()));
    assert_eq!(swap(Expectation::Present, &[9; 100_000]), Ok(()));
    assert_eq!(swap(Expectation::Equals(vec![8; 100_000]), b"3"), Err(CommitError::Conflict));
    assert_eq!(swap(Expectation::Equals(vec![9; 100_000]), b"3"), Ok(()));
    assert_eq!(store.get(table, b"k"), Ok(Some(b"3".to_vec())));
}

fn the_last_change_of_a_key_counts(store: &dyn Store) {
    let table = Table::Bans;
    let commit = Commit::new().put(table, b"k", b"1").delete(table, b"k").put(table, b"k", b"2");
    store.commit_blocking(commit).unwrap();
    assert_eq!(store.get(table, b"k"), Ok(Some(b"2".to_vec())));
    assert_eq!(store.count(table), 1);
    store.commit_blocking(Commit::new().put(table, b"k", b"3").delete(table, b"k")).unwrap();
    assert_eq!(store.get(table, b"k"), Ok(None));
    assert_eq!(store.count(table), 0);
}

fn scans_page_in_order_within_the_prefix(store: &dyn Store) {
    let table = Table::HeldMessages;
    let mut commit = Commit::new().put(Table::HeldCursors, b"alice\0x", b"other table");
    for number in (0..600_u32).rev() {
        commit = commit.put(table, format!("alice\0{number:04}").as_bytes(), number.to_be_bytes());
    }
    commit = commit.put(table, b"alic", b"before").put(table, b"alice2", b"behind");
    store.commit_blocking(commit).unwrap();
    let prefix = b"alice\0";
    let first = store.scan(table, prefix, None, 2).unwrap();
    assert_eq!(first[1], (b"alice\x000001".to_vec(), 1_u32.to_be_bytes().to_vec()));
    let next = store.scan(table, prefix, Some(b"alice\x000001"), 2).unwrap();
    assert_eq!(next[0].0, b"alice\x000002");
    // A place that holds no row, and one before the prefix.
    assert_eq!(store.scan(table, prefix, Some(b"alice\x000001x"), 2).unwrap(), next);
    assert_eq!(store.scan(table, prefix, Some(b"a"), 2).unwrap(), first);
    assert_eq!(store.scan(table, prefix, Some(b"alice\x000599"), 2).unwrap(), vec![]);
    assert_eq!(store.scan(table, prefix, Some(b"b"), 2).unwrap(), vec![]);
    assert_eq!(store.scan(table, b"nobody", None, 2).unwrap(), vec![]);
    let all: Vec<Row> = rows(store, table, prefix).map(Result::unwrap).collect();
    assert_eq!(all.len(), 600);
    assert!(all.is_sorted());
    assert_eq!(rows(store, table, b"").count(), 602);
    assert_eq!(store.count(table), 602);
    // The last table of all, and a key of 0xff.
    store.commit_blocking(Commit::new().put(Table::Site, &[0xff; 9], b"end")).unwrap();
    assert_eq!(store.scan(Table::Site, &[0xff; 3], None, 9).unwrap().len(), 1);
}

fn relaxed_changes_keep_their_place_and_are_there_after_a_flush(store: &dyn Store) {
    let table = Table::Bindings;
    for number in 0..1000_u32 {
        store.commit_soon(Commit::new().put(table, b"alice", number.to_be_bytes()));
        store.commit_soon(Commit::new().put(table, &number.to_be_bytes(), b"x"));
    }
    store.flush().wait().unwrap();
    assert_eq!(store.get(table, b"alice"), Ok(Some(999_u32.to_be_bytes().to_vec())));
    assert_eq!(store.count(table), 1001);
    // A commit after a relaxed change sees it; a relaxed change after a commit overwrites it.
    store.commit_soon(Commit::new().put(table, b"bob", b"1"));
    let swap = Commit::new().expect_equals(table, b"bob", b"1").put(table, b"bob", b"2");
    let swapped = store.commit(swap);
    store.commit_soon(Commit::new().put(table, b"bob", b"3"));
    assert_eq!(swapped.wait(), Ok(()));
    store.flush().wait().unwrap();
    assert_eq!(store.get(table, b"bob"), Ok(Some(b"3".to_vec())));
    // One with an expectation is checked, though nobody is told.
    store.commit_soon(Commit::new().expect_absent(table, b"bob").delete(table, b"bob"));
    store.flush().wait().unwrap();
    assert_eq!(store.get(table, b"bob"), Ok(Some(b"3".to_vec())));
}

fn rows_over_the_limits_are_refused(store: &dyn Store) {
    let table = Table::Site;
    let long = vec![b'k'; MAX_KEY];
    store.commit_blocking(Commit::new().put(table, &long, b"")).unwrap();
    assert_eq!(store.get(table, &long), Ok(Some(Vec::new())));
    let longer = vec![b'k'; MAX_KEY + 1];
    let refused = Err(CommitError::TooLarge);
    assert_eq!(store.commit_blocking(Commit::new().put(table, &longer, b"")), refused);
    let big = Commit::new().put(table, b"k", vec![0; MAX_VALUE + 1]);
    assert_eq!(store.commit_blocking(big), refused);
    assert_eq!(store.count(table), 1);
}

fn a_watcher_hears_of_each_changed_row(store: &dyn Store) {
    let mut watch = store.watch();
    store.commit_blocking(Commit::new().put(Table::Accounts, b"alice", b"1")).unwrap();
    let alice = Notice::Changed(Change::new(Table::Accounts, b"alice"));
    assert_eq!(watch.try_next(), Some(alice.clone()));
    let refused =
        Commit::new().expect_absent(Table::Accounts, b"alice").put(Table::Accounts, b"alice", b"2");
    assert_eq!(store.commit_blocking(refused), Err(CommitError::Conflict));
    assert_eq!(watch.try_next(), None);
    store.commit_blocking(Commit::new().delete(Table::Accounts, b"alice")).unwrap();
    assert_eq!(watch.try_next(), Some(alice));
}

/// Eight threads count one row up by compare-and-swap.
fn of_many_racing_swaps_each_is_made_once(store: &Arc<dyn Store>) {
    let table = Table::Settings;
    store.commit_blocking(Commit::new().put(table, b"n", 0_u64.to_be_bytes())).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    loop {
                        let old = store.get(table, b"n").unwrap().unwrap();
                        let number = u64::from_be_bytes(old.as_slice().try_into().unwrap());
                        let commit = Commit::new().expect_equals(table, b"n", old).put(
                            table,
                            b"n",
                            (number + 1).to_be_bytes(),
                        );
                        match store.commit_blocking(commit) {
                            Ok(()) => break,
                            Err(CommitError::Conflict) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(store.get(table, b"n"), Ok(Some(200_u64.to_be_bytes().to_vec())));
}

#[test]
fn the_memory_engine_conforms() {
    suite(&|| memory());
}
