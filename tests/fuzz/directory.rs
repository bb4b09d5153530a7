//! What a directory answers: entries of people and of groups.

use tagus::identity::UserName;
use tagus::identity::ldap::{Dn, Entry, Gathered, Places, Roll, Settings};

use super::mutate::Dice;

pub(crate) fn directory_entry(bytes: &[u8], dice: &mut Dice) {
    let settings = Settings::try_from(&tagus::config::Ldap {
        attribute_number: "telephoneNumber".to_owned(),
        ..tagus::config::Ldap::default()
    });
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let names = ["uid", "UID", "cn", "mail", "telephoneNumber", "entryUUID", "objectGUID", ""];
    let uid = text(dice.part(bytes));
    let mut entry = ldap3::SearchEntry {
        dn: text(dice.part(bytes)),
        attrs: std::collections::HashMap::new(),
        bin_attrs: std::collections::HashMap::new(),
    };
    for _ in 0..dice.below(8) {
        let (name, value) = (*dice.pick(&names), dice.part(bytes));
        let values = entry.attrs.entry(name.to_owned()).or_default();
        values.push(if dice.below(2) == 0 { uid.clone() } else { text(value) });
        entry.bin_attrs.entry(name.to_owned()).or_default().push(value.to_vec());
    }
    group_entry(&entry, &uid);
    if let Some(found) = Entry::read(&settings.unwrap(), entry, &uid) {
        assert_eq!(UserName::canonical(&found.uid), UserName::canonical(&uid), "another's entry");
        for shown in [&found.display_name, &found.mail, &found.number] {
            assert!(!shown.contains(char::is_control), "{shown:?}");
            assert!(shown.len() <= 1_024, "{} bytes are shown", shown.len());
        }
    }
}

/// The same entry as a group: a name reads as itself, and nobody is in it who is not of ours.
fn group_entry(entry: &ldap3::SearchEntry, uid: &str) {
    for text in [entry.dn.as_str(), uid] {
        if let Some(name) = Dn::parse(text) {
            assert_eq!(Dn::parse(name.as_str()).as_ref(), Some(&name), "{text:?}");
        }
        let _ = Dn::parse_unique(text);
    }
    let mut group = entry.clone();
    let values = group.attrs.remove("mail").unwrap_or_default();
    group.attrs.insert("memberUid".to_owned(), values.clone());
    group.attrs.insert("member;range=0-1".to_owned(), values);
    let (roll, mut places) = (Roll::default(), Places::default());
    places.add(uid, &[uid]);
    let mut gathered = Gathered::new(&roll, &places);
    assert!(gathered.take(&group).is_ok() && gathered.len() == 1);
    assert!(gathered.finish().is_ok_and(|membership| membership.people.is_empty()));
}
