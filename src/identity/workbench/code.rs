//! What the workbench can find: one table of stable codes, how bad each is, what it says, and what to do.
//!
//! A page in another language takes the key and the arguments, and its own text; the English one stands
//! here.

use super::report::State;

macro_rules! codes {
    ($($code:ident $key:literal $state:ident [$($argument:ident)*] $says:literal $fix:literal;)*) => {
        /// Something that the workbench found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $says] $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Code] = &[$(Code::$code,)*];

            const fn row(self) -> &'static Row {
                match self {
                    $(Code::$code => &Row {
                        key: $key,
                        state: State::$state,
                        arguments: &[$(stringify!($argument),)*],
                        says: $says,
                        fix: $fix,
                    },)*
                }
            }
        }
    };
}

struct Row {
    key: &'static str,
    state: State,
    arguments: &'static [&'static str],
    says: &'static str,
    fix: &'static str,
}

codes! {
    NotRun "ldap.step.not_run" NotRun [] "Not tried, because a step before it failed." "";
    OutOfTime "ldap.step.out_of_time" Failed [limit]
        "The {limit} for all steps together are over."
        "Find out why the directory is so slow: the steps before say where the time went.";

    Resolved "ldap.resolve.ok" Ok [host addresses] "{host} is {addresses}." "";
    IsAddress "ldap.resolve.literal" Ok [host] "{host} is an address already." "";
    NoServer "ldap.resolve.no_server" Failed []
        "No server is named." "Write ldaps://host into urls.";
    BadUrl "ldap.resolve.bad_url" Failed [url]
        "{url} is not the address of a directory."
        "Write ldaps://host, or ldap://host:port.";
    NoAddress "ldap.resolve.no_address" Failed [host]
        "The name {host} has no address."
        "Check the spelling of urls, and this machine's name server.";
    NoNameServer "ldap.resolve.silent" Failed [host limit]
        "No name server said within {limit} what {host} is."
        "Check this machine's name server (/etc/resolv.conf).";

    Connected "ldap.connect.ok" Ok [address] "Connected to {address}." "";
    SomeDead "ldap.connect.some_dead" Warning [address dead]
        "Connected to {address}; {dead} did not answer before."
        "Take what does not answer out of the name server: whoever tries it first waits.";
    Refused "ldap.connect.refused" Failed [host port]
        "{host} refuses connections to port {port}."
        "Check that the directory runs and listens on port {port} (ldaps 636, ldap 389).";
    ConnectSilent "ldap.connect.silent" Failed [host port limit]
        "{host} does not answer on port {port} within {limit}."
        "A firewall may drop it: permit this machine to reach {host} port {port}.";
    Unreachable "ldap.connect.unreachable" Failed [host port reason]
        "{host} port {port} cannot be reached: {reason}."
        "Check this machine's network and routes.";
    OtherPort "ldap.connect.other_port" Failed [host port other url]
        "{host} answers on port {other}, and not on port {port}."
        "Use {url}, or have port {port} opened.";

    TlsGood "ldap.tls.ok" Ok [version names until]
        "{version}; the certificate is for {names} and is good until {until}." "";
    Plain "ldap.tls.plain" Warning []
        "The connection is not encrypted: passwords pass in the clear."
        "Use ldaps://, or start_tls = true.";
    PlainOffers "ldap.tls.plain_offers_start_tls" Warning []
        "The connection is not encrypted, though the server offers StartTLS: passwords pass in the clear."
        "Set start_tls = true.";
    EndsSoon "ldap.tls.ends_soon" Warning [subject until]
        "The certificate of {subject} ends on {until}."
        "Have it renewed before that day.";
    UnknownAuthority "ldap.tls.unknown_authority" Failed [issuer]
        "The certificate was issued by {issuer}, whom this server does not trust."
        "Get that authority's certificate from whoever runs the directory, and give it as ca_file.";
    AuthorityShown "ldap.tls.authority_shown" Failed [issuer subject fingerprint]
        "The certificate was issued by {issuer}, whom this server does not trust; the server shows the certificate of {subject}."
        "Compare the fingerprint {fingerprint} with whoever runs the directory. If it is the same, trust that certificate: give it as ca_file.";
    WrongName "ldap.tls.wrong_name" Failed [host names]
        "The certificate is for {names}; the address says {host}."
        "Use a name of the certificate in urls, or have one issued for {host}.";
    NoName "ldap.tls.no_name" Failed [host]
        "The certificate names no host (no subjectAltName), so it is not for {host}."
        "Have one issued that names {host} as subjectAltName.";
    Expired "ldap.tls.expired" Failed [subject until]
        "The certificate of {subject} ended on {until}."
        "Have it renewed; if the date is in the future, set this machine's clock.";
    NotYet "ldap.tls.not_yet_valid" Failed [subject from]
        "The certificate of {subject} is good from {from} on, which has not come."
        "Set this machine's clock, or have the certificate issued anew.";
    AuthorityAsServer "ldap.tls.authority_as_server" Failed []
        "The server shows an authority's own certificate as its own."
        "Have that authority issue one for the server.";
    BadCertificate "ldap.tls.bad_certificate" Failed [reason]
        "The certificate cannot be used: {reason}."
        "Have another certificate issued for the directory.";
    BadHostName "ldap.tls.bad_host_name" Failed [host]
        "{host} cannot be the name in a certificate."
        "Use the server's DNS name in urls.";
    SpeaksPlain "ldap.tls.port_speaks_plain" Failed [port url]
        "Port {port} speaks LDAP without TLS."
        "Use {url} with start_tls = true, or the port for ldaps, which is 636.";
    SpeaksTls "ldap.tls.port_speaks_tls" Failed [port url]
        "Port {port} speaks TLS from the first byte on."
        "Use {url}, without start_tls.";
    NotTls "ldap.tls.not_tls" Failed [port]
        "What answers on port {port} speaks neither TLS nor LDAP."
        "Check the port: ldaps 636, ldap 389.";
    StartTlsRefused "ldap.tls.start_tls_refused" Failed []
        "The server refuses StartTLS; nothing else was sent."
        "Have a certificate set up there, or use ldaps://.";
    Injected "ldap.tls.injected" Failed []
        "Something was said in the clear after StartTLS was agreed: somebody may stand between."
        "Use ldaps://, and find out who is between this machine and the directory.";
    TooOld "ldap.tls.too_old" Failed []
        "There is no version or cipher of TLS that both know; this server wants 1.2 or 1.3."
        "Have TLS 1.2 permitted in the directory.";
    ClientCertificate "ldap.tls.client_certificate" Failed []
        "The server demands a certificate of its clients."
        "Permit connections without one from this machine.";
    Handshake "ldap.tls.handshake" Failed [reason]
        "TLS failed: {reason}."
        "Look into the directory's log.";
    AuthorityFile "ldap.tls.authority_file" Failed [problem]
        "The authority's certificate cannot be used: {problem}."
        "It must be a certificate in PEM form (-----BEGIN CERTIFICATE-----).";
    AuthorityWithheld "ldap.tls.authority_withheld" Failed []
        "Only the configured file of authorities is read here."
        "Paste the authority's certificate.";

    Silent "ldap.server.silent" Failed [limit]
        "The server takes connections and says nothing within {limit}."
        "Look whether the directory hangs: restart it, and look into its log.";
    Closed "ldap.server.closed" Failed []
        "The server closed the connection."
        "Look into the directory's log; it may permit this machine no connections.";
    Broken "ldap.server.broken" Failed [reason]
        "The connection broke: {reason}."
        "Look into the directory's log.";
    Garbage "ldap.server.garbage" Failed [port looks]
        "What answers on port {port} is no LDAP server; it looks like {looks}."
        "Check the port: ldaps 636, ldap 389.";
    TooMuch "ldap.server.too_much" Failed []
        "The server sends more in one answer than anybody needs."
        "Narrow base_dn and user_filter, and keep large attributes out.";
    Notice "ldap.server.notice" Failed [meaning]
        "The server ends the connection: {meaning}."
        "Try again; if it lasts, look into the directory's log.";
    Busy "ldap.server.busy" Failed [meaning]
        "The directory cannot answer now: {meaning}."
        "Try again; if it lasts, look into the directory's log.";
    Known "ldap.server.known" Ok [vendor contexts]
        "The server is {vendor} and holds {contexts}." "";
    NoPaging "ldap.server.no_paging" Warning []
        "The server does not say that it gives lists in pages; long ones may be cut off."
        "Permit the control 1.2.840.113556.1.4.319.";

    Bound "ldap.bind.ok" Ok [who] "Signed in as {who}." "";
    BoundNobody "ldap.bind.anonymous" Ok [] "Signed in as nobody, since bind_dn is empty." "";
    BoundInVain "ldap.bind.in_vain" Warning [who]
        "The server says yes to {who} and treats it as nobody."
        "Check bind_dn and its password.";
    Credentials "ldap.bind.invalid_credentials" Failed [who]
        "The directory refuses {who} with this password."
        "Check bind_dn and its password.";
    NeedsEncryption "ldap.bind.needs_encryption" Failed []
        "The directory takes passwords over encrypted connections alone."
        "Use ldaps://, or start_tls = true.";
    NobodyRefused "ldap.bind.anonymous_refused" Failed []
        "The directory does not permit anybody to ask without signing in."
        "Set bind_dn and its password.";
    BadBindDn "ldap.bind.bad_dn" Failed [who]
        "{who} is not a distinguished name."
        "Write bind_dn as cn=tagus,dc=campus,dc=example.";
    BindRefused "ldap.bind.refused" Failed [who meaning]
        "The directory does not let {who} in: {meaning}."
        "Look into the directory's log.";
    PasswordFile "ldap.bind.password_file" Failed [problem]
        "The password of bind_dn cannot be read: {problem}."
        "bind_password_file must be readable by the server.";
    PasswordFileOpen "ldap.bind.password_file_open" Warning [path mode]
        "{path} has mode {mode}: others on this machine may read the password."
        "chmod 600 {path}";
    EmptyPassword "ldap.bind.empty_password" Failed []
        "The password of bind_dn is empty, which would sign in nobody and seem to work."
        "Give the service account's password.";
    PasswordNeeded "ldap.bind.password_needed" Failed []
        "The password that is kept is only sent where it is in use."
        "Type the password of bind_dn again: the server, its authority or bind_dn were changed.";

    AdUnknown "ldap.ad.unknown_user" Failed [who] "Active Directory knows no {who} (525)." "Check the name.";
    AdPassword "ldap.ad.wrong_password" Failed [who]
        "The password of {who} is wrong (52e)." "Check the password.";
    AdHours "ldap.ad.not_now" Failed [who]
        "{who} may not sign in at this time of day (530)." "Change the logon hours of the account.";
    AdPlace "ldap.ad.not_here" Failed [who]
        "{who} may not sign in from this machine (531)."
        "Permit this machine in the account's \"Log On To\".";
    AdPasswordExpired "ldap.ad.password_expired" Failed [who]
        "The password of {who} has expired (532)."
        "Set a new one; a service account's should not expire.";
    AdDisabled "ldap.ad.disabled" Failed [who]
        "The account of {who} is disabled (533)." "Enable it in Active Directory.";
    AdExpired "ldap.ad.account_expired" Failed [who]
        "The account of {who} has expired (701)." "Extend it in Active Directory.";
    AdMustChange "ldap.ad.must_change" Failed [who]
        "{who} must first set a new password (773)."
        "Set one, or clear \"must change password at next logon\".";
    AdLocked "ldap.ad.locked" Failed [who]
        "The account of {who} is locked after too many wrong passwords (775)."
        "Unlock it in Active Directory, and find out who tries.";

    Counted "ldap.search.ok" Ok [count base milliseconds]
        "{count} entries below {base}, read in {milliseconds} ms." "";
    Paged "ldap.search.paged" Ok [pages] "The server gave them in {pages} pages." "";
    LockedOut "ldap.search.locked" Ok [count] "{count} of them are locked out by disabled_filter." "";
    CountedInPart "ldap.search.in_part" Warning [count limit]
        "{count} entries were read in {limit}; there are more."
        "Index the attributes of user_filter. The server reads the whole list at leisure.";
    SizeLimit "ldap.search.size_limit" Warning [count]
        "The directory gives {count} entries and no more: its size limit for this account."
        "Permit bind_dn to read all people in pages (OpenLDAP: limits, Active Directory: MaxPageSize).";
    References "ldap.search.references" Ok [servers]
        "Parts below are on other servers ({servers}), which are not asked." "";
    Nobody "ldap.search.nobody" Failed [filter base]
        "Nobody matches {filter} below {base}; everything below it was searched (scope sub)."
        "Check base_dn and user_filter, and that bind_dn may read the people.";
    NothingBelow "ldap.search.nothing_below" Failed [base]
        "Nothing at all can be read below {base}."
        "Permit bind_dn to read below it, or check base_dn.";
    OtherFilter "ldap.search.other_filter" Failed [base filter]
        "There are entries below {base}, and {filter} matches some of them."
        "Use {filter} as user_filter, if these are the people.";
    Elsewhere "ldap.search.elsewhere" Failed [filter base]
        "{filter} matches people in {base}."
        "Use {base} as base_dn, if these are the people.";
    NoBase "ldap.search.no_base" Failed [base]
        "There is no {base}, or bind_dn may not know that there is."
        "Check base_dn.";
    NoBaseNear "ldap.search.no_base_near" Failed [base nearest]
        "There is no {base}; what there is ends at {nearest}."
        "Check base_dn.";
    BadBase "ldap.search.bad_base" Failed [base]
        "{base} is not a distinguished name."
        "Write base_dn as ou=people,dc=campus,dc=example.";
    BadFilter "ldap.search.bad_filter" Failed [key filter]
        "{key} is not a filter: {filter}."
        "A filter is written (attribute=value), and its parentheses pair.";
    NoUserInFilter "ldap.search.no_user_in_filter" Failed []
        "user_filter does not say where the name goes."
        "Write {user} where the name of a person goes: (uid={user}).";
    NoRights "ldap.search.no_rights" Failed [who base]
        "{who} may not read below {base}."
        "Permit bind_dn to read the people.";
    SignInFirst "ldap.search.sign_in_first" Failed []
        "The directory answers only those who signed in."
        "Set bind_dn and its password.";
    Referral "ldap.search.referral" Failed [base servers]
        "{base} is on another server: {servers}. Referrals are not followed."
        "Name that server in urls, or take a base_dn that this one holds.";
    GaveUp "ldap.search.gave_up" Failed [meaning]
        "The directory gave up: {meaning}."
        "Index the attributes of user_filter, or raise the limits of bind_dn.";
    SearchRefused "ldap.search.refused" Failed [meaning]
        "The directory does not search: {meaning}."
        "Look into the directory's log.";

    Mapped "ldap.map.ok" Ok [count] "{count} people are shown as they will be." "";
    NoUser "ldap.map.no_user" Failed [attribute]
        "Nobody has {attribute}, so nobody could be told from the others."
        "attribute_user must name an attribute that everybody has and bind_dn may read.";
    NoId "ldap.map.no_id" Failed [attribute]
        "Nobody has {attribute}, so another person of an old name would be taken for the first."
        "attribute_id must name an attribute that never changes and bind_dn may read: entryUUID, objectGUID, nsUniqueId, ipaUniqueID.";
    SomeLack "ldap.map.some_lack" Warning [count attribute key]
        "{count} people have no {attribute}."
        "Nothing, if that is meant; else check {key}.";
    DuplicateUser "ldap.map.duplicate_user" Warning [count names]
        "{count} user names are had by two entries, and nobody can sign in with these: {names}."
        "Make user_filter so narrow that each name is there once.";
    DuplicateMail "ldap.map.duplicate_mail" Warning [count names]
        "{count} mail addresses are had by two people: {names}."
        "Correct them in the directory.";
    BadName "ldap.map.bad_name" Warning [count names]
        "{count} user names cannot stand in a SIP address: {names}."
        "Take another attribute for attribute_user, or rename these people.";
    NoSecret "ldap.map.no_secret" Failed [attribute]
        "{attribute} of these people cannot be read."
        "Permit bind_dn to read {attribute}, or leave secret_attribute empty and use device credentials.";
    BadSecret "ldap.map.bad_secret" Failed [attribute format]
        "What {attribute} holds is not of the format {format}."
        "A salted hash cannot serve Digest: leave secret_attribute empty and use device credentials.";

    NoGroups "ldap.groups.none_configured" NotRun []
        "No groups are read, since group_base_dn is empty." "";
    Groups "ldap.groups.ok" Ok [count groups]
        "{count} groups, as {groups}." "";
    NoGroup "ldap.groups.none_found" Warning [filter base]
        "No group matches {filter} below {base}."
        "Check group_base_dn and group_filter, and that bind_dn may read the groups.";
    NobodyInGroups "ldap.groups.nobody" Warning []
        "Nobody is in any of the groups."
        "Permit bind_dn to read member, uniqueMember or memberUid of the groups.";
    TooDeep "ldap.groups.too_deep" Warning []
        "Groups are nested more than 16 deep; what is below is not seen."
        "Nest the groups less.";
    NoAdminGroup "ldap.groups.no_admin_group" Warning [group]
        "There is no group {group}, which admin_group names."
        "Check admin_group.";
    NoGroupBase "ldap.groups.no_base" Failed [base]
        "There is no {base}."
        "Check group_base_dn.";
    BadGroupBase "ldap.groups.bad_base" Failed [base]
        "{base} is not a distinguished name."
        "Check group_base_dn.";
    GroupsRefused "ldap.groups.refused" Failed [meaning]
        "The groups cannot be read: {meaning}."
        "Permit bind_dn to read the groups, in pages and without a limit.";

    NoSignIn "ldap.sign_in.none_asked" NotRun [] "No person was named to sign in." "";
    Found "ldap.sign_in.found" Ok [user dn milliseconds]
        "{user} is {dn}, found in {milliseconds} ms." "";
    Accepted "ldap.sign_in.ok" Ok [milliseconds]
        "The directory takes this password, in {milliseconds} ms." "";
    ByDevice "ldap.sign_in.by_device" Ok [user]
        "{user} signs in with a password per device (tagus device add)." "";
    BySecret "ldap.sign_in.by_secret" Ok [user attribute]
        "{user} signs in with what {attribute} holds." "";
    InGroups "ldap.sign_in.groups" Ok [user groups] "{user} is in {groups}." "";
    InNoGroup "ldap.sign_in.no_group" Ok [user] "{user} is in none of the groups." "";
    IsAdmin "ldap.sign_in.administers" Ok [user group]
        "{user} is in {group} and administers." "";
    Slow "ldap.sign_in.slow" Warning [milliseconds limit]
        "Finding a person takes {milliseconds} ms, and the server waits {limit} at most."
        "Index the attributes of user_filter in the directory.";
    UnknownPerson "ldap.sign_in.nobody" Failed [user filter base]
        "Nobody matches {filter} below {base}."
        "Is {user} spelt right? Else check base_dn and user_filter, and that bind_dn may read the people.";
    Ambiguous "ldap.sign_in.ambiguous" Failed [user count]
        "{count} entries match the name {user}, so it signs in nobody."
        "Make user_filter so narrow that it finds one.";
    OtherName "ldap.sign_in.other_name" Failed [user dn]
        "{dn} matches, and its own name is not {user}."
        "Give the name as attribute_user has it.";
    PersonLocked "ldap.sign_in.locked_out" Warning [user]
        "{user} is locked out by disabled_filter."
        "Nothing, if that is meant.";
    NoPassword "ldap.sign_in.empty_password" Failed []
        "An empty password is never tried: directories take it for nobody and say yes."
        "Give a password.";
    WrongPassword "ldap.sign_in.wrong_password" Failed [user]
        "The directory refuses this password of {user}."
        "It is wrong or expired, or the account is locked in the directory.";
    SignInRefused "ldap.sign_in.refused" Failed [user meaning]
        "The directory does not let {user} in: {meaning}."
        "Look into the directory's log.";
}

impl Code {
    /// What it is called: `ldap.tls.wrong_name`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        self.row().key
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(key: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.key() == key)
    }

    /// What it makes of its step.
    #[must_use]
    pub const fn state(self) -> State {
        self.row().state
    }

    /// The names of what stands in its texts.
    #[must_use]
    pub const fn arguments(self) -> &'static [&'static str] {
        self.row().arguments
    }

    /// Its sentence in English, with `{argument}`.
    #[must_use]
    pub const fn says(self) -> &'static str {
        self.row().says
    }

    /// What to do about it, after the same manner; empty where nothing is.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        self.row().fix
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The places of a text.
    fn places(text: &str) -> BTreeSet<&str> {
        let after = text.split('{').skip(1);
        after.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn each_code_is_there_once_and_its_texts_name_its_arguments() {
        let keys: BTreeSet<&str> = Code::ALL.iter().map(|code| code.key()).collect();
        assert_eq!(keys.len(), Code::ALL.len());
        for code in Code::ALL {
            let declared: BTreeSet<&str> = code.arguments().iter().copied().collect();
            let mut used = places(code.says());
            used.extend(places(code.fix()));
            if *code == Code::NoUserInFilter {
                // What is to be written, and no place.
                assert!(used.remove("user"));
            }
            assert_eq!(used, declared, "{}", code.key());
            assert!(code.says().ends_with('.'), "{}", code.key());
        }
    }

    #[test]
    fn what_is_wrong_has_a_remedy() {
        for code in Code::ALL {
            let wrong = matches!(code.state(), State::Warning | State::Failed);
            assert_eq!(wrong, !code.fix().is_empty(), "{}", code.key());
        }
    }
}
