use super::*;

const SIZE: u64 = 3 * STEP;

fn bytes() -> Vec<u8> {
    (0..SIZE).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

fn about(message_id: &str) -> About {
    About {
        message_id: message_id.to_owned(),
        content_type: "application/octet-stream".to_owned(),
        head: Head { name: "photo.bin".to_owned(), hash: Some(Hash::of(&bytes())) },
        total: Some(SIZE),
        success_report: true,
    }
}

fn question(message_id: &str) -> Question {
    let message_id = message_id.to_owned();
    Question { message_id, size: SIZE, hash: Hash::of(&bytes()) }
}

/// A part of two thirds, as one who was killed leaves it.
fn begun(directory: &Path) -> PathBuf {
    let part = Arc::new(Part::begin(directory, about("k3j9abcd")).unwrap());
    let writing = Writing(Arc::clone(&part));
    for (number, block) in bytes()[..2 * STEP as usize + 500].chunks(100_000).enumerate() {
        writing.write_at(number as u64 * 100_000, block).unwrap();
    }
    part.bytes_at.clone()
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_a_process_left_goes_on_and_gets_its_name_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    begun(directory.path());
    assert_eq!(entries(directory.path()).len(), 2);
    let (part, state) = Part::resume(directory.path(), &question("k3j9abcd")).unwrap();
    let kept = state.received.prefix();
    assert!(kept > STEP && kept <= 2 * STEP + 500, "{kept}");
    let part = Arc::new(part);
    Writing(Arc::clone(&part)).write_at(kept, &bytes()[kept as usize..]).unwrap();
    let shelf = Shelf::new(directory.path()).unwrap();
    let (path, hash) = part.finish(SIZE, &shelf).unwrap();
    assert_eq!((path, hash), (directory.path().join("photo.bin"), Hash::of(&bytes())));
    assert_eq!(entries(directory.path()), ["photo.bin"]);
    assert!(std::fs::read(directory.path().join("photo.bin")).unwrap() == bytes());
}

#[test]
fn a_part_goes_on_only_as_the_message_and_the_file_that_it_is_of() {
    let directory = tempfile::tempdir().unwrap();
    let at = begun(directory.path());
    for other in [
        question("k3j9abce"),
        Question { size: SIZE + 1, ..question("k3j9abcd") },
        Question { hash: Hash::of(b"other"), ..question("k3j9abcd") },
    ] {
        assert!(Part::resume(directory.path(), &other).is_none(), "{other:?}");
    }
    // The state of one message under the name of another.
    let (_, ours) = names(directory.path(), "k3j9abcd");
    let (other_part, other_state) = names(directory.path(), "zzzzzzzz");
    std::fs::copy(&at, &other_part).unwrap();
    std::fs::copy(&ours, &other_state).unwrap();
    assert!(Part::resume(directory.path(), &question("zzzzzzzz")).is_none());
    assert!(Part::resume(directory.path(), &question("k3j9abcd")).is_some());
}

#[test]
fn a_part_that_was_cut_short_lengthened_or_replaced_does_not_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let at = begun(directory.path());
    let resumed = || Part::resume(directory.path(), &question("k3j9abcd"));
    let file = File::options().write(true).open(&at).unwrap();
    for (length, fine) in [(STEP, false), (SIZE + 1, false), (SIZE, true)] {
        file.set_len(length).unwrap();
        assert_eq!(resumed().is_some(), fine, "{length}");
    }
    let elsewhere = directory.path().join("elsewhere");
    std::fs::rename(&at, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &at).unwrap();
    assert!(resumed().is_none(), "a link");
    std::fs::remove_file(&at).unwrap();
    assert!(resumed().is_none(), "nothing");
}

#[test]
fn a_part_whose_bytes_were_changed_is_not_taken_for_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let at = begun(directory.path());
    File::options().write(true).open(&at).unwrap().write_all_at(b"changed", 99).unwrap();
    let (part, state) = Part::resume(directory.path(), &question("k3j9abcd")).unwrap();
    let (part, kept) = (Arc::new(part), state.received.prefix());
    // The last bytes are refused, so that the sender hears of it.
    let refused = Writing(Arc::clone(&part)).write_at(kept, &bytes()[kept as usize..]);
    assert_eq!(refused.unwrap_err().to_string(), SaveError::Hash.to_string());
    let shelf = Shelf::new(directory.path()).unwrap();
    assert!(matches!(part.finish(SIZE, &shelf), Err(SaveError::Hash)));
    assert!(entries(directory.path()).is_empty());
}

#[test]
fn a_part_has_one_writer_and_begins_anew_without_one() {
    let directory = tempfile::tempdir().unwrap();
    begun(directory.path());
    let (part, _) = Part::resume(directory.path(), &question("k3j9abcd")).unwrap();
    assert!(Part::resume(directory.path(), &question("k3j9abcd")).is_none());
    let busy = Part::begin(directory.path(), about("k3j9abcd")).unwrap_err();
    assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
    drop(part);
    let anew = Part::begin(directory.path(), about("k3j9abcd")).unwrap();
    assert_eq!(anew.file.metadata().unwrap().len(), 0);
    assert!(Part::resume(directory.path(), &question("k3j9abcd")).is_none());
    // Nothing came, so nothing stays.
    assert_eq!(anew.cut_off(), None);
    assert!(entries(directory.path()).is_empty());
}

#[test]
fn what_is_cut_off_stays_as_far_as_it_came_and_of_too_many_nothing_does() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..=MOST {
        let id = format!("message{number}");
        let part = Arc::new(Part::begin(directory.path(), about(&id)).unwrap());
        Writing(Arc::clone(&part)).write_at(0, b"beginning").unwrap();
        Writing(Arc::clone(&part)).write_at(20, b"behind a hole").unwrap();
        assert_eq!(part.cut_off().is_some(), number < MOST, "{number}");
        drop(part);
        let resumed = Part::resume(directory.path(), &question(&id));
        assert_eq!(
            resumed.map(|(_, state)| state.received.covered()),
            (number < MOST).then_some(9)
        );
    }
    assert_eq!(entries(directory.path()).len(), 2 * MOST);
}
