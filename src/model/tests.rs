//! Records keep their bytes, and bytes of every other kind are refused.

use std::fmt::Debug;
use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::clock::WallTime;
use crate::sip::{ConnectionId, Flow, Transport};

fn at(millis: u64) -> WallTime {
    WallTime::from_unix_millis(millis)
}

/// Without a flow label, which is not stored.
fn address() -> impl Strategy<Value = SocketAddr> {
    any::<SocketAddr>().prop_map(|mut address| {
        if let SocketAddr::V6(v6) = &mut address {
            // Not part of the stored form.
            v6.set_flowinfo(0);
        }
        address
    })
}

fn flow() -> impl Strategy<Value = Flow> {
    let transport = prop::sample::select(vec![
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ]);
    (transport, address(), address(), any::<u64>()).prop_map(
        |(transport, local, remote, connection)| Flow {
            transport,
            local,
            remote,
            connection: ConnectionId(connection),
        },
    )
}

fn device() -> impl Strategy<Value = DeviceKey> {
    (any::<Option<String>>(), any::<Option<String>>()).prop_map(|(credential, instance)| {
        DeviceKey::of(credential.as_deref(), instance.as_deref())
    })
}

fn account() -> impl Strategy<Value = Account> {
    let names = (any::<String>(), any::<String>(), any::<Vec<String>>());
    (names, any::<bool>(), any::<u64>(), any::<Option<String>>(), any::<Option<Vec<u8>>>())
        .prop_map(|((user, name, groups), local, millis, directory_id, sealed_password)| Account {
            kind: if local { AccountKind::Local } else { AccountKind::Directory },
            mail: format!("{user}@campus.example"),
            number: name.clone(),
            user,
            display_name: name,
            groups,
            disabled: !local,
            directory_locked: millis % 2 == 0,
            created: at(millis),
            changed: at(millis / 2),
            directory_id,
            sealed_password,
        })
}

fn binding() -> impl Strategy<Value = Binding> {
    let texts = (any::<String>(), any::<String>(), any::<Option<String>>());
    let numbers = (any::<u32>(), any::<u16>(), any::<u64>(), any::<Option<u32>>(), any::<bool>());
    (texts, numbers, flow(), device()).prop_map(
        |((uri, call_id, instance), (cseq, q, millis, reg_id, bound), flow, device)| Binding {
            path: vec![uri.clone(); usize::from(q % 3)],
            params: uri.clone(),
            contact_uri: uri,
            flow,
            call_id,
            cseq,
            q,
            created: at(millis),
            refreshed: at(millis),
            expires_at: at(millis),
            user_agent: instance.clone(),
            instance,
            reg_id,
            device,
            connection_bound: bound,
        },
    )
}

/// Encodes, decodes, and refuses what is cut, lengthened or of another version.
fn round_trip<R: Record + PartialEq + Debug>(record: &R) {
    let row = record.encode();
    assert_eq!(R::decode(&row).as_ref(), Ok(record));
    for length in 0..row.len() {
        assert!(R::decode(&row[..length]).is_err());
    }
    let mut longer = row.clone();
    longer.push(0);
    assert_eq!(R::decode(&longer), Err(DecodeError::Damaged));
    let mut later = row;
    later[0] = R::VERSION + 1;
    assert_eq!(R::decode(&later), Err(DecodeError::Version(R::VERSION + 1)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn accounts_and_credentials_come_back(account in account(), policy in any::<bool>()) {
        round_trip(&account);
        round_trip(&DeviceCredential {
            id: account.display_name.clone(),
            user: account.user.clone(),
            label: account.mail.clone(),
            created: account.created,
            last_used: account.disabled.then_some(account.changed),
            revoked: policy.then_some(account.changed),
            expires_at: None,
            algorithm_policy: if policy { AlgorithmPolicy::Md5Only } else { AlgorithmPolicy::Configured },
            sealed_ha1s: account.sealed_password.clone().unwrap_or_default(),
        });
        round_trip(&Ha1Set {
            realm: account.user.clone(),
            ha1s: vec![Ha1 {
                algorithm: if policy { DigestAlgorithm::Md5 } else { DigestAlgorithm::Sha256 },
                spelling: if policy { Spelling::User } else { Spelling::UserAtDomain },
                hex: account.mail,
            }],
        });
    }

    #[test]
    fn binding_rows_come_back(aor in any::<String>(), bindings in prop::collection::vec(binding(), 0..4)) {
        let seen = bindings.iter().map(|b| SeenDevice { device: b.device.clone(), at: b.created }).collect();
        let instances = bindings.iter().map(|b| b.contact_uri.clone()).collect();
        round_trip(&BindingRow { aor, bindings, seen, instances });
    }

    #[test]
    fn held_messages_and_their_states_come_back(
        request in any::<Vec<u8>>(), devices in prop::collection::vec(device(), 0..4),
        unclaimed: bool, millis in any::<u64>(), fingerprint: u64,
    ) {
        round_trip(&HeldMessage { request });
        round_trip(&HeldState {
            pending: devices,
            unclaimed,
            received_at: at(millis),
            expires_at: at(millis / 2),
            fingerprint,
            sender: fingerprint.to_string(),
            delivered: !unclaimed,
            notification: unclaimed,
        });
    }

    #[test]
    fn bans_and_audit_entries_come_back(source in any::<String>(), account in any::<Option<String>>(), n in any::<u32>()) {
        round_trip(&Ban {
            source: source.clone(),
            account,
            reason: source.clone(),
            failures: n,
            created: at(n.into()),
            until: at(u64::MAX),
        });
        round_trip(&AuditEntry {
            sequence: n.into(),
            at: at(1),
            actor: source.clone(),
            source: source.clone(),
            action: source.clone(),
            subject: source.clone(),
            detail: source,
            done: n % 2 == 0,
            previous: [7; 32],
        });
    }

    #[test]
    fn publications_documents_and_subscriptions_come_back(
        texts in prop::collection::vec(any::<String>(), 4), body in any::<Vec<u8>>(),
        devices in prop::collection::vec(device(), 1), flow in flow(), bound: bool, number: u32,
    ) {
        let [one, two, three, four] = [0, 1, 2, 3].map(|index| texts[index].clone());
        round_trip(&PublicationRow {
            aor: one.clone(),
            device: devices[0].clone(),
            etag: two.clone(),
            body: body.clone(),
            changed: at(number.into()),
            expires_at: at(u64::MAX),
            bound,
        });
        round_trip(&GroupsRow {
            names: vec![one.clone(), two.clone()],
            sets: vec![vec![0, number], Vec::new()],
            people: vec![(three.clone(), number)],
        });
        round_trip(&DocumentRow {
            owner: one.clone(),
            auid: two.clone(),
            path: three.clone(),
            media_type: four.clone(),
            revision: number.into(),
            written: at(number.into()),
            body: body.clone(),
        });
        round_trip(&WaitingRow {
            resource: one.clone(),
            watcher: two.clone(),
            since: at(1),
            until: at(number.into()),
        });
        round_trip(&SubscriptionRow {
            event_id: bound.then(|| four.clone()),
            device: devices.into_iter().next().filter(|_| bound),
            call_id: body.clone(),
            remote: body,
            flow,
            bound,
            ..subscription(one, two, number)
        });
    }

    #[test]
    fn decoding_any_bytes_never_panics(bytes in any::<Vec<u8>>()) {
        let mut row = vec![1];
        row.extend_from_slice(&bytes);
        let _ = Account::decode(&row);
        let _ = BindingRow::decode(&row);
        let _ = HeldMessage::decode(&row);
        let _ = HeldState::decode(&row);
        let _ = parse_held_key(&bytes);
        let _ = DeviceCredential::decode(&bytes);
    }

    #[test]
    fn held_messages_sort_by_arrival(aor in "[a-z]{1,8}@[a-z]{1,8}", first: u64, second: u64) {
        prop_assert_eq!(first.cmp(&second), held_key(&aor, first).cmp(&held_key(&aor, second)));
        let key = held_key(&aor, first);
        prop_assert_eq!(parse_held_key(&key), Some((aor.as_str(), first)));
    }
}

#[test]
fn keys_of_one_owner_never_begin_like_anothers() {
    assert!(!DeviceCredential::key("alice2", "x").starts_with(&DeviceCredential::prefix("alice")));
    assert!(DeviceCredential::key("alice", "x").starts_with(&DeviceCredential::prefix("alice")));
    // A NUL inside a name does not reach into the next part.
    assert_eq!(DeviceCredential::key("a\0b", "c"), DeviceCredential::key("ab", "c"));
}

#[test]
fn a_changed_audit_entry_breaks_the_chain() {
    let entry = |sequence, previous| AuditEntry {
        sequence,
        at: at(sequence),
        actor: "local".into(),
        source: "offline".into(),
        action: "user.add".into(),
        subject: "alice".into(),
        detail: String::new(),
        done: true,
        previous,
    };
    let first = entry(1, [0; 32]);
    let second = entry(2, first.digest());
    assert!(second.follows(&first));
    let mut changed = first.clone();
    changed.subject = "mallory".into();
    assert!(!second.follows(&changed));
    assert!(!entry(3, first.digest()).follows(&first));
    assert!(AuditEntry::key(255) < AuditEntry::key(256));
}

fn subscription(resource: String, watcher: String, number: u32) -> SubscriptionRow {
    SubscriptionRow {
        resource,
        watcher,
        event: "reg".into(),
        event_id: Some("7".into()),
        device: Some(DeviceKey::Credential("d1".into())),
        flow: Flow {
            transport: Transport::Tcp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "[2001:db8::1]:5062".parse().unwrap(),
            connection: ConnectionId(300),
        },
        bound: true,
        one_tuple: true,
        since: at(2),
        call_id: b"c1".to_vec(),
        local_tag: "t1".into(),
        remote_tag: b"f1".to_vec(),
        local: b"<sip:b>;tag=t1".to_vec(),
        remote: b"<sip:a>;tag=f1".to_vec(),
        target: b"sip:a".to_vec(),
        route: Vec::new(),
        remote_cseq: number,
        reserved_cseq: 64,
        reserved_version: 300,
        expires_at: at(3),
        starts: 5,
    }
}

/// As `rows_have_the_bytes_they_always_had`, for what presence keeps.
#[test]
fn rows_of_presence_have_the_bytes_they_always_had() {
    let hex = |row: &[u8]| row.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let (bob, ana) = ("bob@campus.example".to_owned(), "ana@campus.example".to_owned());
    let row = subscription(bob.clone(), ana.clone(), 7);
    assert_eq!(hex(&row.encode()), include_str!("tests/subscription_v3.hex").trim());
    let old = unhex(include_str!("tests/subscription_v2.hex").trim());
    let row = SubscriptionRow { starts: 0, ..row };
    assert_eq!(SubscriptionRow::decode(&old).as_ref(), Ok(&row), "version 2 is read");
    let old = unhex(include_str!("tests/subscription_v1.hex").trim());
    let before = SubscriptionRow {
        watcher: bob.clone(),
        bound: false,
        one_tuple: false,
        since: at(0),
        ..row
    };
    assert_eq!(SubscriptionRow::decode(&old), Ok(before), "version 1 is read");
    let publication = PublicationRow {
        aor: bob.clone(),
        device: DeviceKey::Credential("d1".into()),
        etag: "e1".into(),
        body: b"<presence/>".to_vec(),
        changed: at(1),
        expires_at: at(2),
        bound: true,
    };
    assert_eq!(hex(&publication.encode()), include_str!("tests/publication_v1.hex").trim());
    let document = DocumentRow {
        owner: bob.clone(),
        auid: "pres-rules".into(),
        path: "index".into(),
        media_type: "application/auth-policy+xml".into(),
        revision: 5,
        written: at(6),
        body: b"<ruleset/>".to_vec(),
    };
    assert_eq!(hex(&document.encode()), include_str!("tests/document_v1.hex").trim());
    let waiting = WaitingRow { resource: bob, watcher: ana, since: at(1), until: at(2) };
    assert_eq!(hex(&waiting.encode()), include_str!("tests/waiting_v1.hex").trim());
}

/// As `rows_have_the_bytes_they_always_had`, for the console and its tokens.
#[test]
fn rows_of_the_console_have_the_bytes_they_always_had() {
    let hex = |row: &[u8]| row.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let account = ConsoleAccount {
        name: "ana".into(),
        role: Role::Owner,
        password: "$argon2id$v=19$m=19456,t=2,p=1$AAAA$BBBB".into(),
        sealed_totp: Some(vec![1, 2, 3]),
        totp_step: 56_666_666,
        recovery: vec![[7; 32]],
        created: at(1),
        changed: at(2),
        last_sign_in: Some(at(3)),
        locked: true,
        version: 300,
    };
    round_trip(&account);
    assert_eq!(hex(&account.encode()), include_str!("tests/console_v1.hex").trim());
    let link = SetupLink { digest: [9; 32], until: at(4), recovers: true };
    round_trip(&link);
    assert_eq!(hex(&link.encode()), include_str!("tests/setup_link_v1.hex").trim());
    let token = ApiToken {
        digest: [5; 32],
        id: "a1b2".into(),
        name: "mail filter".into(),
        scopes: Scope::ALL.to_vec(),
        role: Role::Helpdesk,
        maker: Maker::Console,
        maker_name: "ana".into(),
        created: at(1),
        expires_at: Some(at(2)),
        networks: vec!["192.0.2.0/24".into()],
        last_used: None,
    };
    round_trip(&token);
    assert_eq!(hex(&token.encode()), include_str!("tests/token_v1.hex").trim());
}

/// A row of bindings as version 1 knew it.
fn old_binding_row(device: &DeviceKey) -> BindingRow {
    BindingRow {
        aor: "bob@campus.example".into(),
        bindings: vec![Binding {
            contact_uri: "sip:bob@192.0.2.4".into(),
            flow: Flow {
                transport: Transport::Tcp,
                local: "192.0.2.1:5060".parse().unwrap(),
                remote: "[2001:db8::1]:5062".parse().unwrap(),
                connection: ConnectionId(300),
            },
            call_id: "843817637684230@998sdasdh09".into(),
            cseq: 1826,
            q: 1000,
            created: at(1),
            refreshed: at(2),
            expires_at: at(3),
            instance: None,
            reg_id: Some(1),
            path: vec![],
            params: String::new(),
            device: device.clone(),
            user_agent: None,
            connection_bound: true,
        }],
        seen: vec![SeenDevice { device: device.clone(), at: at(2) }],
        instances: vec![],
    }
}

/// The bytes of each version. A change that breaks this test needs a new version and a reader for
/// the one before: stores in the field hold these rows.
#[test]
fn rows_have_the_bytes_they_always_had() {
    let device = DeviceKey::Credential("d1".into());
    let hex = |row: &[u8]| row.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut row = old_binding_row(&device);
    assert_eq!(
        BindingRow::decode(&unhex(include_str!("tests/binding_row_v1.hex").trim())),
        Ok(row.clone())
    );
    row.bindings[0].params = ";audio".into();
    row.instances = vec!["<urn:uuid:1>".into()];
    assert_eq!(hex(&row.encode()), include_str!("tests/binding_row_v2.hex").trim());
    let state = HeldState {
        pending: vec![device],
        unclaimed: false,
        received_at: at(1_700_000_000_000),
        expires_at: at(1_700_086_400_000),
        fingerprint: 5,
        sender: "ana".into(),
        delivered: true,
        notification: true,
    };
    assert_eq!(hex(&state.encode()), include_str!("tests/held_state_v2.hex").trim());
    let old = unhex(include_str!("tests/held_state_v1.hex").trim());
    let before = HeldState { sender: String::new(), notification: false, ..state };
    assert_eq!(HeldState::decode(&old), Ok(before), "version 1 is read");
    let account = Account {
        user: "alice".into(),
        kind: AccountKind::Directory,
        display_name: "Alice A.".into(),
        mail: "alice@campus.example".into(),
        groups: vec!["staff".into()],
        number: "4711".into(),
        disabled: false,
        directory_locked: false,
        created: at(1),
        changed: at(2),
        directory_id: Some("8a5e".into()),
        sealed_password: None,
    };
    assert_eq!(hex(&account.encode()), include_str!("tests/account_v1.hex").trim());
    let groups = GroupsRow {
        names: vec!["all".into(), "staff".into()],
        sets: vec![vec![0, 1]],
        people: vec![("ana".into(), 0)],
    };
    assert_eq!(hex(&groups.encode()), include_str!("tests/groups_v1.hex").trim());
    let listed = DirectoryRow {
        uid: "ana".into(),
        id: Some("8a5e".into()),
        name: "Ana A.".into(),
        mail: "ana@campus.example".into(),
        number: "2101; 2102".into(),
        standing: Standing::Absent,
        since: at(3),
    };
    assert_eq!(hex(&listed.encode()), include_str!("tests/directory_v1.hex").trim());
    round_trip(&listed);
    let mut setting = SettingRow {
        key: "sip.workers".into(),
        value: SettingValue::Plain("4".into()),
        by: "ana".into(),
        at: at(5),
    };
    assert_eq!(hex(&setting.encode()), include_str!("tests/setting_v1.hex").trim());
    setting.value = SettingValue::Sealed(vec![1, 2]);
    round_trip(&setting);
    assert!(format!("{setting:?}").contains("Sealed(…)"));
    let runs = SyncRunsRow { runs: vec![run()] };
    assert_eq!(hex(&runs.encode()), include_str!("tests/sync_runs_v1.hex").trim());
    round_trip(&runs);
}

fn run() -> SyncRun {
    SyncRun {
        first: at(1),
        last: at(2),
        times: 3,
        took_ms: 4,
        by: "server".into(),
        outcome: SyncOutcome::Partly,
        people: 5,
        counts: SyncCounts {
            added: 1,
            changed: 2,
            returned: 3,
            disabled: 4,
            absent: 5,
            replaced: 6,
            held: 7,
        },
        trouble: "x".into(),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

#[test]
fn rows_of_history_and_alerts_have_the_bytes_they_always_had() {
    let hex = |row: &[u8]| row.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let slot = HistorySlot { at: 1_700_006_400, covered: 60, values: vec![1.5, -2.0] };
    round_trip(&slot);
    assert_eq!(hex(&slot.encode()), include_str!("tests/history_v1.hex").trim());
    assert_eq!(HistorySlot::parse_key(&HistorySlot::key(2, 8_639)), Some((2, 8_639)));
    let settings = AlertSettings {
        account: "ana".into(),
        person: "rui".into(),
        kinds: AlertKind::ALL.to_vec(),
        language: "pt".into(),
    };
    round_trip(&settings);
    assert_eq!(hex(&settings.encode()), include_str!("tests/alert_settings_v1.hex").trim());
    let mark = AlertMark { kind: AlertKind::Disk, what: "low".into(), told: at(7) };
    let marks = AlertMarks(vec![mark]);
    round_trip(&marks);
    assert_eq!(hex(&marks.encode()), include_str!("tests/alert_marks_v1.hex").trim());
}
