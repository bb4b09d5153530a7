use std::future::Future;
use std::sync::Mutex;

use super::*;
use crate::clock::WallTime;

const ALICE: &str = "alice@campus.example";

#[derive(Default)]
struct Heard(Mutex<Vec<(String, String)>>);

impl Observer for Heard {
    fn changed(&self, owner: &str, auid: &str) {
        self.0.lock().unwrap().push((owner.to_owned(), auid.to_owned()));
    }
}

fn documents(person_bytes: usize) -> (Documents, Arc<Heard>) {
    let (clock, _) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let settings = Settings { document_bytes: 10, person_bytes };
    let documents = Documents::new(settings, clock, crate::store::memory());
    let heard = Arc::new(Heard::default());
    documents.observe(heard.clone());
    (documents, heard)
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn place(path: &str) -> Place<'_> {
    Place { owner: ALICE, auid: "pres-rules", path }
}

#[test]
fn a_document_is_there_with_another_revision_each_time() {
    let (documents, heard) = documents(100);
    let first = wait(documents.put(&place("index"), "text/plain", b"1", Condition::Any)).unwrap();
    let second = wait(documents.put(&place("index"), "text/plain", b"1", Condition::Any)).unwrap();
    assert_ne!(first, second);
    let row = documents.get(&place("index")).unwrap().unwrap();
    assert_eq!((row.revision, &*row.body, &*row.media_type), (second, &b"1"[..], "text/plain"));
    assert_eq!(documents.list(ALICE, None).unwrap().len(), 1);
    assert_eq!(documents.list(ALICE, Some("pres")).unwrap(), []);
    wait(documents.delete(&place("index"), Condition::Revision(second))).unwrap();
    assert_eq!(documents.get(&place("index")).unwrap(), None);
    let told = (ALICE.to_owned(), "pres-rules".to_owned());
    assert_eq!(*heard.0.lock().unwrap(), vec![told; 3]);
}

// RFC 4825 s7.11
#[test]
fn a_condition_that_does_not_hold_changes_nothing() {
    let (documents, heard) = documents(100);
    let put = |body: &'static [u8], condition| {
        wait(documents.put(&place("index"), "text/plain", body, condition))
    };
    assert!(matches!(put(b"0", Condition::Revision(1)), Err(DocumentError::Conflict)));
    let revision = put(b"1", Condition::Absent).unwrap();
    assert!(matches!(put(b"2", Condition::Absent), Err(DocumentError::Conflict)));
    let other = Condition::Revision(revision.wrapping_add(1));
    assert!(matches!(put(b"2", other), Err(DocumentError::Conflict)));
    put(b"3", Condition::Revision(revision)).unwrap();
    assert_eq!(documents.get(&place("index")).unwrap().unwrap().body, b"3");
    let gone = wait(documents.delete(&place("none"), Condition::Any));
    assert!(matches!(gone, Err(DocumentError::NotFound)));
    assert_eq!(heard.0.lock().unwrap().len(), 2);
}

#[test]
fn what_is_too_large_or_nowhere_is_refused() {
    let (documents, _) = documents(15);
    let put = |path: &str, body: &[u8]| {
        wait(documents.put(&place(path), "text/plain", body, Condition::Any))
    };
    assert!(matches!(put("a", &[0; 11]), Err(DocumentError::TooLarge { size: 11, most: 10 })));
    put("a", &[0; 10]).unwrap();
    assert!(matches!(put("b", &[0; 6]), Err(DocumentError::NoRoom { most: 15 })));
    put("b", &[0; 5]).unwrap();
    put("a", &[1; 10]).unwrap();
    assert!(matches!(put("", b"x"), Err(DocumentError::BadPlace)));
    assert!(matches!(put("a\0b", b"x"), Err(DocumentError::BadPlace)));
}

#[test]
fn the_documents_of_a_person_go_with_the_person() {
    let (documents, _) = documents(100);
    wait(documents.put(&place("index"), "text/plain", b"1", Condition::Any)).unwrap();
    let other = Place { owner: "bob@campus.example", ..place("index") };
    wait(documents.put(&other, "text/plain", b"2", Condition::Any)).unwrap();
    let store = Arc::clone(&documents.store);
    store.commit_blocking(erasure(&*store, ALICE).unwrap()).unwrap();
    assert_eq!(documents.list(ALICE, None).unwrap(), []);
    assert!(documents.get(&other).unwrap().is_some());
}
