//! The JSON of requests and replies.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn secret() -> impl Strategy<Value = Secret> {
    any::<String>().prop_map(Secret::new)
}

fn request() -> impl Strategy<Value = Request> {
    let text = any::<String>;
    let maybe = any::<Option<String>>;
    prop_oneof![
        Just(Request::Status),
        (text(), maybe(), maybe(), prop::option::of(secret())).prop_map(
            |(user, name, mail, password)| Request::UserAdd {
                user,
                name,
                number: mail.clone(),
                groups: mail.iter().cloned().collect(),
                mail,
                password,
            }
        ),
        (maybe(), any::<u32>()).prop_map(|(after, limit)| Request::UserList { after, limit }),
        (text(), secret()).prop_map(|(user, password)| Request::UserPassword { user, password }),
        (secret(), any::<bool>()).prop_map(|(csv, dry_run)| {
            let existing = if dry_run { Existing::Update } else { Existing::Fail };
            Request::UserImport { csv, existing, dry_run }
        }),
        (text(), any::<Option<bool>>(), any::<u32>()).prop_map(|(text, online, limit)| {
            let (source, state) = (Some(PersonSource::Directory), Some(PersonState::Absent));
            let query =
                PeopleQuery { text, online, limit, source, state, ..PeopleQuery::default() };
            Request::PeopleFind(query)
        }),
        (text(), maybe(), any::<Option<Vec<String>>>()).prop_map(|(user, name, groups)| {
            Request::UserEdit { user, mail: name.clone(), number: name.clone(), name, groups }
        }),
        (secret(), text()).prop_map(|(csv, file)| {
            let (existing, dry_run) = (Existing::Skip, true);
            Request::Jobs(JobRequest::Import { csv, file, existing, dry_run })
        }),
        (any::<Vec<String>>(), text(), any::<u64>()).prop_map(|(named, text, count)| {
            let query = PeopleQuery { text, ..PeopleQuery::default() };
            let whom = match count {
                0 => Whom::Named(named),
                _ => Whom::Matching { query, count },
            };
            Request::Jobs(JobRequest::People { deed: PeopleDeed::Enable, whom })
        }),
        any::<u64>().prop_map(|proposal| Request::DirectoryApply { proposal }),
        (text(), text(), any::<bool>()).prop_map(|(user, label, md5_only)| Request::DeviceAdd {
            user,
            label,
            md5_only
        }),
        (text(), text()).prop_map(|(user, device)| Request::DeviceRevoke { user, device }),
        (any::<Option<IpAddr>>(), maybe())
            .prop_map(|(source, user)| Request::BanLift { source, user }),
        text().prop_map(|path| Request::Export { path: path.into() }),
        text().prop_map(|user| Request::PresenceWatchers { user }),
        (text(), text()).prop_map(|(user, document)| Request::RulesSet { user, document }),
        (text(), maybe(), any::<u32>()).prop_map(|(text, after, limit)| {
            Request::Live(LiveRequest::Registrations { text, after, limit })
        }),
        (text(), any::<Option<u64>>())
            .prop_map(|(user, message)| Request::Live(LiveRequest::Drop { user, message })),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let text = any::<String>;
    let user = (text(), text(), any::<bool>(), any::<Vec<String>>(), any::<Option<u64>>());
    let user = user.prop_map(|(user, name, disabled, groups, held_messages)| User {
        user,
        name,
        disabled,
        bindings: groups.clone(),
        groups,
        held_messages,
        ..User::default()
    });
    prop_oneof![
        Just(Reply::Done),
        any::<u64>().prop_map(Reply::Count),
        text().prop_map(Reply::Text),
        (text(), any::<Option<String>>()).prop_map(|(csv, next)| Reply::Exported { csv, next }),
        (text(), any::<u64>(), any::<Option<String>>()).prop_map(|(user, total, next)| {
            let people = vec![PersonView { user, ..PersonView::default() }];
            Reply::People(PeoplePage { people, total, next, more_than_total: total == 0 })
        }),
        (text(), any::<u64>(), any::<bool>()).prop_map(|(what, count, anew)| {
            let people =
                vec![MentionView { what: what.clone(), name: what, ..MentionView::default() }];
            let absent = KindView { count, people };
            let difference = DifferenceView { anew, absent, ..DifferenceView::default() };
            let proposal = Some(ProposalView { id: count, difference, ..ProposalView::default() });
            Reply::Directory(Box::new(DirectoryView { proposal, ..DirectoryView::default() }))
        }),
        prop::collection::vec(user, 0..3).prop_map(Reply::Users),
        (any::<IpAddr>(), any::<Option<String>>(), text())
            .prop_map(|(source, user, until)| Reply::Bans(vec![BanView { source, user, until }])),
        (text(), any::<Option<u64>>()).prop_map(|(watcher, expires)| {
            let status = watcher.clone();
            let watcher = WatcherView { watcher, status, expires, ..WatcherView::default() };
            Reply::Watchers(vec![watcher])
        }),
        (text(), any::<bool>(), any::<Vec<String>>()).prop_map(|(document, open, notes)| {
            let publications = vec![Publication { open, ..Publication::default() }];
            let view = PresenceView { document, notes, publications, ..PresenceView::default() };
            Reply::Presence(Box::new(view))
        }),
        (text(), any::<Option<u16>>()).prop_map(|(text, status)| {
            let registration = RegistrationView { agent: text.clone(), ..Default::default() };
            let devices = vec![TriedDevice { registration, status, is_unreachable: false }];
            let later = vec![text.clone()];
            let trial = TestView { ending: text, status, devices, later };
            Reply::Live(Box::new(LiveReply::Tried(trial)))
        }),
        (any::<u64>(), text()).prop_map(|(line, reason)| {
            let failed = vec![RowFailure { line, user: reason.clone(), reason }];
            Reply::Imported(ImportReport { added: line, failed, ..ImportReport::default() })
        }),
    ]
}

proptest! {
    /// One line each, whatever the texts hold, and read back as it was.
    #[test]
    fn requests_and_replies_come_back_from_their_line(request in request(), reply in reply()) {
        let line = serde_json::to_string(&request).unwrap();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
        let line = serde_json::to_string(&reply).unwrap();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(serde_json::from_str::<Reply>(&line).unwrap(), reply);
    }

    #[test]
    fn no_line_makes_the_reader_of_messages_panic(
        line in "(\\{\"(status|user_add|ban_lift|export|x)\":)?[\\[{\"a-z:0-9,\\]}\\\\ ]{0,60}", bytes: Vec<u8>,
    ) {
        let _ = serde_json::from_str::<Request>(&line);
        let _ = serde_json::from_slice::<Request>(&bytes);
        let _ = serde_json::from_slice::<Reply>(&bytes);
    }

    /// Deep nesting must not use up the stack.
    #[test]
    fn nesting_has_a_bound(depth in 1_000..50_000_usize) {
        let line = "[".repeat(depth);
        prop_assert!(serde_json::from_str::<Request>(&line).is_err());
        let line = "{\"user_show\":".repeat(depth);
        prop_assert!(serde_json::from_str::<Request>(&line).is_err());
    }
}
