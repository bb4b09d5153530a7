use std::path::Path;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;
use crate::operations::Exit;

fn parse(line: &str) -> Cli {
    Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn refused(line: &str) -> clap::Error {
    Cli::try_parse_from(line.split(' ')).err().unwrap_or_else(|| panic!("{line} was taken"))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn common_options_stand_before_or_after_the_name() {
    for line in [
        "tagus --data-dir D --config C --json status",
        "tagus status --json --config C --data-dir D",
        "tagus --json status --data-dir D --config C",
    ] {
        let cli = parse(line);
        assert_eq!(cli.global.data_dir.as_deref(), Some(Path::new("D")), "{line}");
        assert_eq!(cli.global.config.as_deref(), Some(Path::new("C")), "{line}");
        assert!(cli.global.json && matches!(cli.command, Command::Status), "{line}");
    }
    let cli = parse("tagus user list --data-dir D --set a=1 --set b=2");
    assert_eq!(cli.global.data_dir.as_deref(), Some(Path::new("D")));
    assert_eq!(cli.global.set, ["a=1", "b=2"]);
}

#[test]
fn the_forms_that_scripts_use_are_taken() {
    let line = ["tagus", "--data-dir", "D", "user", "add", "alice", "--name", "Alice A."];
    let cli = Cli::try_parse_from(line.into_iter().chain(["--password-file", "-"])).unwrap();
    let Command::User(User::Add { user, name, password, .. }) = cli.command else { panic!() };
    assert_eq!((user.as_str(), name.as_deref()), ("alice", Some("Alice A.")));
    assert_eq!(password.password_file.as_deref(), Some(Path::new("-")));

    let cli = parse("tagus --data-dir D device add alice --name phone --json");
    let Command::Device(Device::Add { user, name, md5_only: false }) = cli.command else {
        panic!()
    };
    assert_eq!((user.as_str(), name.as_str(), cli.global.json), ("alice", "phone", true));

    for line in [
        "tagus --data-dir D status --json",
        "tagus --data-dir D user disable alice",
        "tagus user enable alice",
        "tagus user delete alice",
        "tagus user show alice --json",
        "tagus user passwd alice --password-file -",
        "tagus user import people.csv",
        "tagus user export",
        "tagus device list alice",
        "tagus device revoke alice d1",
        "tagus ban list",
        "tagus ban lift 192.0.2.1",
        "tagus ban lift 2001:db8::1 --user alice",
        "tagus ban lift --all",
        "tagus client register --user ana@campus.example --password-file p --once",
        "tagus client register --user ana --password-file p --expires 60 --for 5s --json",
        "tagus client message echo hello --user ana --password-file p --wait-reply",
        "tagus client message echo hello --wait-reply 3s --user ana --password-file p",
        "tagus client message sip:a@b - --user ana --password-file - --transport tcp",
        "tagus client listen --user ana --password-file p --count 2 --for 1m --server h:5070",
        "tagus message rui hello --from ana --password-file p --data-dir D",
        "tagus ldap test",
        "tagus ldap test alice --json",
        "tagus ldap test alice --password-file -",
        "tagus setup-link --json",
        "tagus audit",
        "tagus audit --from 7 --limit 1000 --json",
        "tagus audit verify --json",
        "tagus config check",
        "tagus config check a.toml",
        "tagus config show --json",
        "tagus init --domain campus.example",
        "tagus export a.tagus",
        "tagus import a.tagus",
        "tagus completions bash",
        "tagus version --json",
    ] {
        parse(line);
    }
}

/// C13: a password on the command line.
#[test]
fn a_password_as_an_argument_is_refused_with_the_way_to_do_it() {
    for line in ["tagus user add a --password canary", "tagus user passwd a --password=canary"] {
        let cli = parse(line);
        let Command::User(User::Add { password, .. } | User::Passwd { password, .. }) = cli.command
        else {
            panic!()
        };
        let failure = password.read().unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("--password-file -"), "{failure}");
        assert!(!failure.message.contains("canary"), "{failure}");
    }
}

#[test]
fn no_command_prints_help_and_nonsense_is_refused() {
    let kind = refused("tagus").kind();
    assert_eq!(kind, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    for line in [
        "tagus client message echo",
        "tagus client listen",
        "tagus client register --user a --once --for 1s",
        "tagus client listen --user a --count 0",
        "tagus client message echo hello --user a --wait-reply 5",
        "tagus client listen --user a --transport sctp",
        "tagus message rui hello",
        "tagus audit --limit 0",
        "tagus audit --from 1 verify",
    ] {
        assert_eq!(refused(line).exit_code(), 2, "{line}");
    }
    for line in ["tagus sing", "tagus ban lift", "tagus ban lift nowhere", "tagus user add"] {
        assert_eq!(refused(line).exit_code(), 2, "{line}");
    }
}
