//! The chain of the audit trail, and how it is read.

use proptest::prelude::*;

use super::super::tests::{Site, site};
use super::*;

impl Site {
    async fn lines(&self, count: u64) {
        for number in 1..=count {
            let subject = format!("person{}", number % 3);
            let action = if number % 2 == 0 { "user.add" } else { "ban.lift" };
            let deed = Deed { action, subject: &subject, detail: "" };
            self.accounts.note(&Actor::socket(), deed).await.unwrap();
        }
    }

    fn sequences(&self, before: Option<u64>, limit: usize, filter: &TrailFilter) -> Vec<u64> {
        let page = self.accounts.trail_before(before, limit, filter).unwrap();
        page.entries.iter().map(|entry| entry.sequence).collect()
    }
}

/// T71: a line that is changed, removed, moved or put in is named.
#[tokio::test]
async fn a_trail_that_was_tampered_with_names_its_first_broken_line() {
    let site = site();
    site.lines(300).await;
    let report = site.accounts.verify_trail().unwrap();
    assert_eq!((report.lines, report.broken), (300, None));
    let last = site.accounts.trail(300, 1).unwrap().remove(0);
    assert_eq!(report.digest, last.digest());

    let row = |number| site.store.get(Table::Audit, &AuditEntry::key(number)).unwrap().unwrap();
    let put = |number, row: Vec<u8>| {
        let commit = Commit::new().put(Table::Audit, &AuditEntry::key(number), row);
        site.store.commit_blocking(commit).unwrap();
    };
    let broken = || site.accounts.verify_trail().unwrap().broken.map(|(number, _)| number);
    let original = row(150);

    // Another word in it shows in the line behind it, which names it by its digest.
    let mut changed = AuditEntry::decode(&original).unwrap();
    changed.actor = "nobody".to_owned();
    put(150, changed.encode());
    assert_eq!(broken(), Some(151));
    put(150, row(149));
    assert_eq!(broken(), Some(150));
    put(150, b"\x01nonsense".to_vec());
    assert_eq!(broken(), Some(150));
    let removed = Commit::new().delete(Table::Audit, &AuditEntry::key(150));
    site.store.commit_blocking(removed).unwrap();
    assert_eq!(broken(), Some(150));
    put(150, original);
    assert_eq!(broken(), None);
}

#[tokio::test]
async fn the_trail_is_read_backwards_page_by_page_and_by_what_it_says() {
    let site = site();
    site.lines(20).await;
    let all = TrailFilter::default();
    assert_eq!(site.sequences(None, 3, &all), [20, 19, 18]);
    let page = site.accounts.trail_before(Some(18), 3, &all).unwrap();
    assert_eq!((page.entries[0].sequence, page.next), (17, Some(15)));
    // A line that is written meanwhile moves nothing.
    site.lines(1).await;
    assert_eq!(site.sequences(page.next, 2, &all), [14, 13]);
    let end = site.accounts.trail_before(Some(3), 10, &all).unwrap();
    assert_eq!((end.entries.len(), end.next), (2, None));
    assert_eq!(site.accounts.trail_before(Some(0), 10, &all).unwrap().entries, []);

    let adds = TrailFilter { action: Some("user.add".to_owned()), ..all.clone() };
    assert_eq!(site.sequences(None, 3, &adds), [20, 18, 16]);
    let kind = TrailFilter { action: Some("user.".to_owned()), ..all.clone() };
    assert_eq!(site.sequences(None, 3, &kind), [20, 18, 16]);
    let one = TrailFilter { subject: Some("person1".to_owned()), ..kind };
    assert_eq!(site.sequences(None, 9, &one), [16, 10, 4]);
    let nobody = TrailFilter { actor: Some("ana".to_owned()), ..all.clone() };
    let page = site.accounts.trail_before(None, 9, &nobody).unwrap();
    assert_eq!((page.entries.len(), page.next), (0, None));
    let at = site.accounts.now();
    let early = TrailFilter { until: Some(at), ..all.clone() };
    assert_eq!(site.sequences(None, 9, &early), [0_u64; 0]);
    let late = TrailFilter { since: Some(at), ..all };
    assert_eq!(site.sequences(None, 2, &late), [21, 20]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever the filter and the size of the pages, each line that it lets pass comes once.
    #[test]
    fn pages_together_are_the_trail(count in 0_u64..40, limit in 1_usize..7, person in 0_u64..3) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let site = runtime.block_on(async { let site = site(); site.lines(count).await; site });
        let subject = Some(format!("person{person}"));
        let filter = TrailFilter { subject, ..TrailFilter::default() };
        let mut read = Vec::new();
        let mut before = None;
        loop {
            let page = site.accounts.trail_before(before, limit, &filter).unwrap();
            prop_assert!(page.entries.len() <= limit);
            read.extend(page.entries.iter().map(|entry| entry.sequence));
            before = page.next;
            if before.is_none() { break }
        }
        let expected: Vec<u64> = (1..=count).rev().filter(|number| number % 3 == person).collect();
        prop_assert_eq!(read, expected);
    }
}
