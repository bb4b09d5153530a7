//! Header field names (RFC 3261 s7.3.1, s7.3.3, s20 and the extensions that Tagus meets).

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(, $compact:literal)?;)*) => {
        /// A header field that is recognised by its name, long or compact, in any case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum HeaderName {
            $($(#[$doc])* $variant,)*
            /// Any other header field; see [`Message::named`](crate::sip::wire::Message::named).
            Other,
        }

        impl HeaderName {
            /// How many names there are, [`HeaderName::Other`] included.
            pub const COUNT: usize = HeaderName::Other as usize + 1;

            /// Every recognised name.
            pub const ALL: [HeaderName; HeaderName::COUNT - 1] = [$(HeaderName::$variant,)*];

            /// The long form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(HeaderName::$variant => $name,)*
                    HeaderName::Other => "",
                }
            }

            /// The compact form, if there is one.
            #[must_use]
            pub const fn compact(self) -> Option<char> {
                match self {
                    $($(HeaderName::$variant => Some($compact),)?)*
                    _ => None,
                }
            }
        }
    };
}

names! {
    /// RFC 3261 s20.1.
    Accept = "Accept";
    /// RFC 3841.
    AcceptContact = "Accept-Contact", 'a';
    /// RFC 3261 s20.2.
    AcceptEncoding = "Accept-Encoding";
    /// RFC 3261 s20.3.
    AcceptLanguage = "Accept-Language";
    /// RFC 3261 s20.4.
    AlertInfo = "Alert-Info";
    /// RFC 3261 s20.5.
    Allow = "Allow";
    /// RFC 6665.
    AllowEvents = "Allow-Events", 'u';
    /// RFC 3261 s20.6.
    AuthenticationInfo = "Authentication-Info";
    /// RFC 3261 s20.7.
    Authorization = "Authorization";
    /// RFC 3261 s20.8.
    CallId = "Call-ID", 'i';
    /// RFC 3261 s20.9.
    CallInfo = "Call-Info";
    /// RFC 3261 s20.10.
    Contact = "Contact", 'm';
    /// RFC 3261 s20.11.
    ContentDisposition = "Content-Disposition";
    /// RFC 3261 s20.12.
    ContentEncoding = "Content-Encoding", 'e';
    /// RFC 3261 s20.13.
    ContentLanguage = "Content-Language";
    /// RFC 3261 s20.14.
    ContentLength = "Content-Length", 'l';
    /// RFC 3261 s20.15.
    ContentType = "Content-Type", 'c';
    /// RFC 3261 s20.16.
    CSeq = "CSeq";
    /// RFC 3261 s20.17.
    Date = "Date";
    /// RFC 3261 s20.18.
    ErrorInfo = "Error-Info";
    /// RFC 6665.
    Event = "Event", 'o';
    /// RFC 3261 s20.19.
    Expires = "Expires";
    /// RFC 5626.
    FlowTimer = "Flow-Timer";
    /// RFC 3261 s20.20.
    From = "From", 'f';
    /// RFC 7044.
    HistoryInfo = "History-Info";
    /// RFC 8224.
    Identity = "Identity", 'y';
    /// RFC 4474, obsolete.
    IdentityInfo = "Identity-Info", 'n';
    /// RFC 3261 s20.21.
    InReplyTo = "In-Reply-To";
    /// RFC 3911.
    Join = "Join";
    /// RFC 5393.
    MaxBreadth = "Max-Breadth";
    /// RFC 3261 s20.22.
    MaxForwards = "Max-Forwards";
    /// RFC 3261 s20.24.
    MimeVersion = "MIME-Version";
    /// RFC 3261 s20.23.
    MinExpires = "Min-Expires";
    /// RFC 4028.
    MinSe = "Min-SE";
    /// RFC 3261 s20.25.
    Organization = "Organization";
    /// RFC 3325.
    PAssertedIdentity = "P-Asserted-Identity";
    /// RFC 3325.
    PPreferredIdentity = "P-Preferred-Identity";
    /// RFC 3327.
    Path = "Path";
    /// RFC 3261 s20.26.
    Priority = "Priority";
    /// RFC 3323.
    Privacy = "Privacy";
    /// RFC 3261 s20.27.
    ProxyAuthenticate = "Proxy-Authenticate";
    /// RFC 8760 and RFC 7615.
    ProxyAuthenticationInfo = "Proxy-Authentication-Info";
    /// RFC 3261 s20.28.
    ProxyAuthorization = "Proxy-Authorization";
    /// RFC 3261 s20.29.
    ProxyRequire = "Proxy-Require";
    /// RFC 3262.
    RAck = "RAck";
    /// RFC 3326.
    Reason = "Reason";
    /// RFC 3261 s20.30.
    RecordRoute = "Record-Route";
    /// RFC 4488.
    ReferSub = "Refer-Sub";
    /// RFC 3515.
    ReferTo = "Refer-To", 'r';
    /// RFC 3892.
    ReferredBy = "Referred-By", 'b';
    /// RFC 3841.
    RejectContact = "Reject-Contact", 'j';
    /// RFC 3891.
    Replaces = "Replaces";
    /// RFC 3261 s20.31.
    ReplyTo = "Reply-To";
    /// RFC 3841.
    RequestDisposition = "Request-Disposition", 'd';
    /// RFC 3261 s20.32.
    Require = "Require";
    /// RFC 3261 s20.33.
    RetryAfter = "Retry-After";
    /// RFC 3261 s20.34.
    Route = "Route";
    /// RFC 3262.
    RSeq = "RSeq";
    /// RFC 3261 s20.35.
    Server = "Server";
    /// RFC 3608.
    ServiceRoute = "Service-Route";
    /// RFC 4028.
    SessionExpires = "Session-Expires", 'x';
    /// RFC 3903.
    SipEtag = "SIP-ETag";
    /// RFC 3903.
    SipIfMatch = "SIP-If-Match";
    /// RFC 3261 s20.36.
    Subject = "Subject", 's';
    /// RFC 6665.
    SubscriptionState = "Subscription-State";
    /// RFC 3261 s20.37.
    Supported = "Supported", 'k';
    /// RFC 5839.
    SuppressIfMatch = "Suppress-If-Match";
    /// RFC 3261 s20.38.
    Timestamp = "Timestamp";
    /// RFC 3261 s20.39.
    To = "To", 't';
    /// RFC 3261 s20.40.
    Unsupported = "Unsupported";
    /// RFC 3261 s20.41.
    UserAgent = "User-Agent";
    /// RFC 3261 s20.42.
    Via = "Via", 'v';
    /// RFC 3261 s20.43.
    Warning = "Warning";
    /// RFC 3261 s20.44.
    WwwAuthenticate = "WWW-Authenticate";
}

/// Slots of the table: a power of two, so roomy that chains are short.
const SLOTS: usize = 256;
const EMPTY: u8 = u8::MAX;

/// Length, first, last and third byte tell nearly all names apart; the names are then compared.
const fn slot(name: &[u8]) -> usize {
    let length = name.len();
    let first = (name[0] | 0x20) as usize;
    let last = (name[length - 1] | 0x20) as usize;
    let middle = (name[length / 2] | 0x20) as usize;
    length
        .wrapping_mul(7)
        .wrapping_add(first.wrapping_mul(33))
        .wrapping_add(last.wrapping_mul(5))
        .wrapping_add(middle.wrapping_mul(17))
        % SLOTS
}

/// Open addressing: index into [`HeaderName::ALL`] per slot.
static BY_NAME: [u8; SLOTS] = {
    let mut table = [EMPTY; SLOTS];
    let mut index = 0;
    while index < HeaderName::ALL.len() {
        let mut at = slot(HeaderName::ALL[index].as_str().as_bytes());
        while table[at] != EMPTY {
            at = (at + 1) % SLOTS;
        }
        table[at] = index as u8;
        index += 1;
    }
    table
};

/// Compact forms by letter.
static BY_LETTER: [HeaderName; 26] = {
    let mut table = [HeaderName::Other; 26];
    let mut index = 0;
    while index < HeaderName::ALL.len() {
        if let Some(letter) = HeaderName::ALL[index].compact() {
            table[letter as usize - 'a' as usize] = HeaderName::ALL[index];
        }
        index += 1;
    }
    table
};

impl HeaderName {
    /// The header field of this name, long or compact.
    #[inline]
    #[must_use]
    pub fn recognise(name: &[u8]) -> HeaderName {
        match name {
            [] => HeaderName::Other,
            [letter] => {
                let index = usize::from((letter | 0x20).wrapping_sub(b'a'));
                match BY_LETTER.get(index) {
                    Some(known) if letter.is_ascii_alphabetic() => *known,
                    _ => HeaderName::Other,
                }
            }
            _ => {
                let mut at = slot(name);
                loop {
                    let Some(known) = HeaderName::ALL.get(usize::from(BY_NAME[at])) else {
                        return HeaderName::Other;
                    };
                    if known.as_str().as_bytes().eq_ignore_ascii_case(name) {
                        return *known;
                    }
                    at = (at + 1) % SLOTS;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 s7.3.1: names do not mind case; s7.3.3: compact forms.
    #[test]
    fn every_name_is_recognised_in_any_case_and_compact() {
        for name in HeaderName::ALL {
            let long = name.as_str();
            assert_eq!(HeaderName::recognise(long.as_bytes()), name);
            assert_eq!(HeaderName::recognise(long.to_uppercase().as_bytes()), name);
            assert_eq!(HeaderName::recognise(long.to_lowercase().as_bytes()), name);
            if let Some(letter) = name.compact() {
                assert_eq!(HeaderName::recognise(&[letter as u8]), name);
                assert_eq!(HeaderName::recognise(&[letter.to_ascii_uppercase() as u8]), name);
            }
        }
    }

    /// RFC 4475 s3.1.1.5: `C%6Fntact` is not Contact.
    #[test]
    fn other_names_stay_others() {
        for name in [&b""[..], b"q", b"C%6Fntact", b"X-Vi", b"1", b"[", b"@", b"vi\x01", b"\xf6ia"]
        {
            assert_eq!(HeaderName::recognise(name), HeaderName::Other, "{name:?}");
        }
    }

    #[test]
    fn chains_of_the_table_are_short() {
        for name in HeaderName::ALL {
            let bytes = name.as_str().as_bytes();
            let (mut at, mut steps) = (slot(bytes), 0);
            while HeaderName::ALL[usize::from(BY_NAME[at])] != name {
                at = (at + 1) % SLOTS;
                steps += 1;
            }
            assert!(steps <= 6, "{name:?} takes {steps} steps");
        }
    }

    proptest::proptest! {
        /// The table answers as a search through all names does.
        #[test]
        fn the_table_knows_what_the_list_knows(index in 0..HeaderName::ALL.len(), flips: u64, other: Vec<u8>) {
            let name = HeaderName::ALL[index];
            let mixed: Vec<u8> = name
                .as_str()
                .bytes()
                .enumerate()
                .map(|(at, byte)| if flips >> (at % 64) & 1 == 1 { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() })
                .collect();
            proptest::prop_assert_eq!(HeaderName::recognise(&mixed), name);
            let listed = HeaderName::ALL.into_iter().find(|name| {
                name.as_str().as_bytes().eq_ignore_ascii_case(&other)
                    || name.compact().is_some_and(|letter| other.eq_ignore_ascii_case(&[letter as u8]))
            });
            proptest::prop_assert_eq!(HeaderName::recognise(&other), listed.unwrap_or(HeaderName::Other));
        }
    }
}
