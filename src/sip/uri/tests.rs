use super::*;

#[test]
fn dots_in_user_parts_are_part_of_the_user() {
    let uri = Uri::parse(b"sip:john.doe@campus.example").unwrap();
    assert_eq!(uri.user(), Some(&b"john.doe"[..]));
    assert_eq!(uri.host(), Host::Name(b"campus.example"));
}
