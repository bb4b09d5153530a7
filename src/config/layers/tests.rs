use std::time::Duration;

use super::*;
use crate::config::{LogFormat, Source};

fn machine() -> Machine {
    Machine { host_name: "im.campus.example".to_owned(), root: true, ..Machine::default() }
}

fn folder_with(text: impl AsRef<[u8]>) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagus.toml");
    std::fs::write(&path, text).unwrap();
    (folder, Sources { file: Some(path), machine: machine(), ..Sources::default() })
}

fn problems(text: impl AsRef<[u8]>) -> String {
    let (folder, sources) = folder_with(text);
    let error = sources.load().unwrap_err().to_string();
    error.replace(&folder.path().display().to_string(), "D")
}

#[test]
fn each_layer_wins_over_the_ones_below() {
    let (_folder, mut sources) = folder_with("[sip]\nworkers = 1\n");
    let mut stored = Stored::default();
    let workers = |sources: &Sources, stored: &Stored| {
        let loaded = sources.load().unwrap().with(stored).unwrap();
        (loaded.config.sip.workers, loaded.origin("sip.workers").name())
    };
    let bare = Sources { machine: machine(), ..Sources::default() };
    assert_eq!(workers(&bare, &stored), (0, "default"));
    assert_eq!(workers(&sources, &stored), (1, "file"));
    stored.values.push(("sip.workers".to_owned(), Value::Integer(2)));
    assert_eq!(workers(&sources, &stored), (2, "console"));
    sources.environment.push(("TAGUS_SIP__WORKERS".to_owned(), "3".to_owned()));
    assert_eq!(workers(&sources, &stored), (3, "environment"));
    sources.set.push("sip.workers=4".to_owned());
    assert_eq!(workers(&sources, &stored), (4, "option"));
    assert_eq!(sources.load().unwrap().beneath("sip.workers"), Some(Value::Integer(1)));
}

#[test]
fn an_origin_names_the_line_or_the_variable() {
    let (_folder, mut sources) = folder_with("\n[identity.cache]\r\n\r\nttl = \"3m\"\r\n");
    sources.environment.push(("TAGUS_DOMAIN".to_owned(), "Campus.Example.".to_owned()));
    let loaded = sources.load().unwrap();
    assert_eq!(loaded.config.domain, "campus.example");
    assert_eq!(loaded.config.identity.cache.ttl, Duration::from_secs(180));
    let settings = loaded.settings();
    assert_eq!(settings["domain"].source.as_deref(), Some("TAGUS_DOMAIN"));
    assert!(settings["identity.cache.ttl"].source.as_deref().unwrap().ends_with("tagus.toml:4"));
    assert_eq!(settings["sip.workers"].origin, "default");
    assert_eq!(settings["sip.workers"].source, None);
}

#[test]
fn unknown_keys_name_the_line_and_the_nearest_key() {
    assert_eq!(
        problems("domain = \"a.example\"\n[sip]\nlisten = []\nworkrs = 2\n[registar]\nx = 1\n"),
        "D/tagus.toml:5: registar: unknown key; did you mean registrar?\n\
         D/tagus.toml:4: sip.workrs: unknown key; did you mean sip.workers?"
    );
    assert_eq!(
        problems("[[sip.route]]\nmtach = \"x\"\nnext_hop = \"sip:a\"\n"),
        "D/tagus.toml:2: sip.route.mtach: unknown key; did you mean match?"
    );
    assert_eq!(problems("qqqqqqqqq = 1"), "D/tagus.toml:1: qqqqqqqqq: unknown key");
}

#[test]
fn values_of_the_wrong_kind_say_what_is_wanted() {
    assert_eq!(
        problems("[sip]\nworkers = \"two\"\n"),
        "D/tagus.toml:2: sip.workers: string \"two\" was given where integer is wanted"
    );
    assert!(problems("[identity.cache]\nttl = 10\n").contains(":2: identity.cache.ttl: "));
    assert!(problems("[identity.cache]\nttl = \"10\"\n").contains("write a number and a unit"));
    assert!(problems("sip = 1").contains("a section"));
    assert!(problems("domain = { a = 1 }").contains("D/tagus.toml:1: domain: "));
    assert!(problems("[sip]\nlisten = [\"sip://x\"]").contains(":2: sip.listen: "));
    assert!(problems("[sip]\nworkers = -1").contains(":2: sip.workers: "));
    assert!(problems("[log]\nformat = \"xml\"").contains("expected `text` or `json`"));
}

#[test]
fn text_that_is_no_toml_names_the_line() {
    assert!(problems("domain = \"a\"\ndomain = \"b\"").starts_with("D/tagus.toml:2: "));
    assert!(problems("a = \n").starts_with("D/tagus.toml:1: "));
    assert_eq!(problems(b"a = 1\n\xff"), "D/tagus.toml:2: the file is not UTF-8");
}

#[test]
fn odd_files_are_refused_at_once_or_taken() {
    assert!(problems(vec![b'#'; 2 * 1024 * 1024]).contains("longer than 1 MiB"));
    let (_folder, sources) = folder_with("\u{feff}domain = \"a.example\"\r\n");
    assert_eq!(sources.load().unwrap().config.domain, "a.example");
    let (_folder, sources) = folder_with("");
    assert_eq!(sources.load().unwrap().config.domain, "campus.example");

    let folder = tempfile::tempdir().unwrap();
    let at = |path: &Path| load_file(path, machine()).unwrap_err().to_string();
    assert!(at(folder.path()).contains("not a regular file"));
    assert!(at(&folder.path().join("none")).contains("cannot be read"));
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(at(&pipe).contains("not a regular file"));
}

#[test]
fn the_environment_and_set_take_lists_numbers_and_switches() {
    let mut sources = Sources { machine: machine(), ..Sources::default() };
    let env = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    sources.environment = vec![
        env("TAGUS_SIP__LISTEN", "udp://127.0.0.1:0, tcp://[::1]:0"),
        env("TAGUS_IDENTITY__CACHE__ENABLED", "off"),
        env("TAGUS_IDENTITY__SOURCE", "ldap"),
        env("TAGUS_PORT", "tcp://10.0.0.1"),
        env("PATH", "/bin"),
    ];
    sources.set = vec![
        "limits.message_bytes=131_072".to_owned(),
        "sip.trusted_peers=[\"192.0.2.0/24\"]".to_owned(),
        "sip.route=[{match=\"^sip:1\",next_hop=\"sip:pbx.example\"}]".to_owned(),
        "log.format=json".to_owned(),
        "data_dir=/tmp/${HOME}/`id`/%n".to_owned(),
    ];
    let config = sources.load().unwrap().config;
    assert_eq!(config.sip.listen.len(), 2);
    assert!(!config.identity.cache.enabled);
    assert_eq!(config.identity.source, Source::Ldap);
    assert_eq!(config.limits.message_bytes, 131_072);
    assert_eq!(config.sip.trusted_peers.len(), 1);
    assert_eq!(config.sip.route[0].pattern, "^sip:1");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.data_dir, Path::new("/tmp/${HOME}/`id`/%n"), "values are literal");
}

#[test]
fn unknown_variables_and_assignments_are_errors() {
    let mut sources = Sources { machine: machine(), ..Sources::default() };
    sources.environment = vec![("TAGUS_SIP__WORKRES".to_owned(), "1".to_owned())];
    sources.set = vec!["sip.worker=1".to_owned(), "workers".to_owned(), "sip.workers=x".to_owned()];
    assert_eq!(
        sources.load().unwrap_err().to_string(),
        "TAGUS_SIP__WORKRES: sip.workres: unknown key; did you mean sip.workers?\n\
         --set: sip.worker: unknown key; did you mean sip.workers?\n\
         --set: \"workers\" is not of the form key=value\n\
         --set: sip.workers: \"x\" is not a whole number"
    );
}

/// T23: a rule that matches everybody.
#[test]
fn trusting_the_whole_world_is_refused() {
    for all in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
        let text = format!("[sip]\ntrusted_peers = [\"192.0.2.1\", \"{all}\"]\n");
        assert!(problems(&text).starts_with("D/tagus.toml:2: sip.trusted_peers: "), "{all}");
    }
}

// T23
#[test]
fn trusting_nearly_everybody_takes_a_word_of_its_own() {
    for wide in ["0.0.0.0/1", "128.0.0.0/1", "2000::/3"] {
        let text = format!("domain = \"a.test\"\n[sip]\ntrusted_peers = [\"{wide}\"]\n");
        assert!(problems(&text).contains("sip.trusted_peers"), "{wide}");
        let (_folder, sources) = folder_with(format!("{text}allow_trusting_everybody = true\n"));
        assert!(sources.load().unwrap().config.sip.trusted_peers[0].is_everything());
    }
}

#[test]
fn a_route_that_cannot_work_is_refused_with_its_line() {
    let route = |what: &str| problems(format!("domain = \"a.test\"\n\n[[sip.route]]\n{what}\n"));
    let good = "match = \"^sip:[0-9]+@\"\nnext_hop = \"sip:pbx.test;transport=tcp\"";
    let (_folder, sources) = folder_with(format!("domain = \"a.test\"\n[[sip.route]]\n{good}"));
    assert!(sources.load().is_ok());
    let said = route("next_hop = \"sip:pbx.test\"\nmatch = \"^sip:(\"");
    assert!(
        said.contains("tagus.toml:5: sip.route.match: match \"^sip:(\" is no regular"),
        "{said}"
    );
    let said = route("next_hop = \"sip:pbx.test\"\nmatch = \"(a{1000}){1000}\"");
    assert!(said.contains("tagus.toml:5: sip.route.match"), "{said}");
    for wrong in [
        "match = \"\"\nnext_hop = \"sip:pbx.test\"",
        "match = \"a\"\nnext_hop = \"tel:123\"",
        "match = \"a\"\nnext_hop = \"sip:\"",
        "match = \"a\"\nnext_hop = \"sip:pbx.test;transport=sctp\"",
        "match = \"a\"\nnext_hop = \"sip:A.test.:5070\"",
        "match = \"a\"\nmethods = [\"invite\"]\nnext_hop = \"sip:pbx.test\"",
    ] {
        assert!(route(wrong).contains("sip.route"), "{wrong}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_line() {
    for (text, key) in [
        ("domain = \"a b\"", "domain"),
        ("domain = \"cámpus.example\"", "domain"),
        ("aliases = [\"-a.example\"]", "aliases"),
        ("data_dir = \"\"", "data_dir"),
        ("web.listen = [\"http://0.0.0.0:80\"]", "web.listen"),
        ("web.listen = [\"udp://127.0.0.1:80\"]", "web.listen"),
        ("sip.listen = [\"udp://[::]:5060\", \"udp://[::]:5060\"]", "sip.listen"),
        ("registrar.max_expires = 599", "registrar.max_expires"),
        ("registrar.min_expires = 0", "registrar.min_expires"),
        ("identity.digest_algorithms = []", "identity.digest_algorithms"),
        ("identity.digest_algorithms = [\"MD5\", \"MD5\"]", "identity.digest_algorithms"),
        ("identity.address_template = \"x\"", "identity.address_template"),
        ("limits.message_burst = 0", "limits.message_burst"),
        ("limits.header_bytes = 65537", "limits.header_bytes"),
        ("limits.publish_body_bytes = 57345", "limits.publish_body_bytes"),
        ("limits.xml_depth = 0", "limits.xml_depth"),
        ("limits.xml_attributes = 1025", "limits.xml_attributes"),
        ("log.level = \"a=b=c\"", "log.level"),
        ("tls.mode = \"files\"", "tls.mode"),
    ] {
        let found = problems(text);
        assert!(found.starts_with(&format!("D/tagus.toml:1: {key}: ")), "{text}: {found}");
    }
}

#[test]
fn ldap_settings_are_checked_when_the_directory_is_used() {
    let ldap = |rest: &str| format!("identity.source = \"ldap\"\n[identity.ldap]\n{rest}\n");
    for (rest, key) in [
        ("urls = []", "urls"),
        ("urls = [\"http://a\"]", "urls"),
        ("user_filter = \"(uid=*)\"", "user_filter"),
        ("user_filter = \"(uid={user}\"", "user_filter"),
        ("bind_dn = \"cn=a\"", "bind_password_file"),
        ("attribute_id = \"\"", "attribute_id"),
    ] {
        assert!(problems(ldap(rest)).contains(&format!("identity.ldap.{key}: ")), "{rest}");
    }
    let (_folder, sources) = folder_with(ldap("urls = [\"ldap://dc.campus.example\"]"));
    let loaded = sources.load().unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().contains("in the clear"));
    let (_folder, sources) = folder_with("identity.ldap.urls = []");
    assert!(sources.load().is_ok(), "a directory that is not used is not judged");
}

/// Decision 23: without root and without configuration, the home directory and high ports.
#[test]
fn an_ordinary_user_without_configuration_gets_his_home_and_high_ports() {
    let mut sources = Sources { machine: machine(), ..Sources::default() };
    sources.machine.root = false;
    sources.machine.data_home = Some(PathBuf::from("/home/ana/.local/share"));
    let loaded = sources.load().unwrap();
    assert_eq!(loaded.config.data_dir, Path::new("/home/ana/.local/share/tagus"));
    assert_eq!(loaded.origin("data_dir"), Origin::Default);
    let ports =
        |c: &Config| [&c.sip.listen, &c.web.listen, &c.msrp.listen].map(|l| l[0].address.port());
    assert!(ports(&loaded.config).into_iter().all(|port| port >= 1024));

    sources.machine.root = true;
    let loaded = sources.load().unwrap();
    assert_eq!(loaded.config.data_dir, Path::new("/var/lib/tagus"));
    assert_eq!(ports(&loaded.config)[1], 443);
}

#[test]
fn a_stored_key_that_nobody_knows_any_more_does_not_stop_the_start() {
    let values = vec![("sip.abolished".to_owned(), Value::Integer(1))];
    let loaded = Sources { machine: machine(), ..Sources::default() }.load().unwrap();
    assert!(loaded.with(&Stored { values, ..Stored::default() }).is_ok());
}

#[test]
fn the_file_counts_as_it_was_when_it_was_read() {
    let (folder, sources) = folder_with("[sip]\nworkers = 1\n");
    let loaded = sources.load().unwrap();
    std::fs::write(folder.path().join("tagus.toml"), "[sip]\nworkers = 7\n").unwrap();
    assert_eq!(loaded.with(&Stored::default()).unwrap().config.sip.workers, 1);
}

#[test]
fn a_stored_password_gives_way_to_a_file_that_the_command_names() {
    let mut sources = Sources { machine: machine(), ..Sources::default() };
    let bind_password = Some(Password::new("hunter2"));
    let stored = Stored { bind_password: bind_password.clone(), ..Stored::default() };
    let loaded = sources.load().unwrap().with(&stored).unwrap();
    assert_eq!(loaded.config.identity.ldap.bind_password, bind_password);
    assert_eq!(loaded.origin(BIND_PASSWORD), Origin::Console);
    assert!(!format!("{loaded:?}").contains("hunter2"));
    sources.set.push("identity.ldap.bind_password_file=/run/secret".to_owned());
    let loaded = sources.load().unwrap().with(&stored).unwrap();
    assert_eq!(loaded.config.identity.ldap.bind_password, None);
}

#[test]
fn text_is_read_as_its_key_wants_it() {
    let loaded = Sources { machine: machine(), ..Sources::default() }.load().unwrap();
    assert_eq!(loaded.read("sip.workers", "2"), Ok(Value::Integer(2)));
    assert!(loaded.read("sip.workers", "two").is_err());
    let unknown = loaded.read("sip.wokers", "2").unwrap_err();
    assert!(unknown.message.contains("sip.workers"), "{unknown}");
}

proptest::proptest! {
    #[test]
    fn no_file_and_no_assignment_makes_the_loader_panic(text in "[a-z\\[\\]\"=.\n{} 0-9\\PC]{0,80}") {
        let (_folder, mut sources) = folder_with(&text);
        let _ = sources.load();
        sources.file = None;
        sources.set = vec![text.clone(), format!("sip.listen={text}"), format!("sip.route={text}")];
        let _ = sources.load();
    }
}
