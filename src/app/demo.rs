//! `tagus serve --demo`: a complete campus on loopback, ready to be looked at.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::context::Context;
use super::demo_directory::DemoDirectory;
use super::front;
use super::process;
use super::server::{self, Server};
use super::site::Site;
use crate::accounts::{
    Accounts, AccountsError, Actor, ConsoleError, ImportOptions, NewAccount, NewConsoleAccount,
};
use crate::client::echo::{self, Resident};
use crate::config::{Listener, Loaded, Scheme};
use crate::entropy;
use crate::model::Role;
use crate::net;
use crate::operations::{Exit, Failure};
use crate::sip::Transport;
use crate::web;

/// The domain of the demonstration; it exists nowhere else (RFC 6761 s6.5).
const DOMAIN: &str = "campus.example";

/// The person who answers.
const ECHO: &str = "echo";

/// The two people to try it with, and the one who is offered MD5 alone.
const ALICE: &str = "alice";
const BOB: &str = "bob";
const MD5_ONLY: &str = "marta";

/// Who owns the console.
const OWNER: &str = "owner";

/// The port that is tried first, and how many more.
const FIRST_PORT: u16 = 5060;
const PORTS: u16 = 200;

/// The ports of the web that are tried first: plain on loopback, so that no certificate warning
/// stands in the way, and TLS.
const PLAIN_PORT: u16 = 8080;
const SECURE_PORT: u16 = 8443;

/// How long the resident may take to be there.
const ARRIVAL: Duration = Duration::from_secs(10);

const GIVEN: [&str; 14] = [
    "Ana", "Rui", "Inês", "Tiago", "Sofia", "João", "Beatriz", "Pedro", "Leonor", "Diogo",
    "Carolina", "Miguel", "Teresa", "André",
];
const FAMILY: [&str; 14] = [
    "Silva",
    "Santos",
    "Ferreira",
    "Pereira",
    "Oliveira",
    "Costa",
    "Rodrigues",
    "Martins",
    "Sousa",
    "Fernandes",
    "Gonçalves",
    "Gomes",
    "Lopes",
    "Marques",
];

/// A demonstration that is prepared: where it keeps its data and where it listens.
#[derive(Debug)]
pub struct Demo {
    data_dir: PathBuf,
    /// The directory where it is the demonstration's own, to be removed at its end.
    own: Option<DemoDirectory>,
    address: SocketAddr,
    /// The passwords of those whom it tells about, in the order of [`TOLD`].
    passwords: [Zeroizing<String>; 4],
    /// The password of [`OWNER`].
    owner: Zeroizing<String>,
}

const TOLD: [&str; 4] = [ALICE, BOB, MD5_ONLY, ECHO];

impl Demo {
    /// Chooses a directory and a free port on `bind`, loopback without one.
    ///
    /// # Errors
    /// A [`Failure`] if there is none.
    pub fn new(context: &Context, bind: Option<IpAddr>) -> Result<Demo, Failure> {
        let ip = bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let address = free_address(ip, FIRST_PORT)?;
        let (data_dir, own) = match &context.global.data_dir {
            Some(path) => (std::path::absolute(path).map_err(Failure::usage)?, None),
            None => {
                let own = DemoDirectory::make_in(&std::env::temp_dir())?;
                (own.path().to_owned(), Some(own))
            }
        };
        process::own_data_dir(&data_dir)?;
        let passwords = std::array::from_fn(|_| Zeroizing::new(entropy::token(6)));
        let owner = Zeroizing::new(entropy::token(6));
        Ok(Demo { data_dir, own, address, passwords, owner })
    }

    /// The configuration with its sockets. Another program, as a second demonstration, may have
    /// taken the port since it was found free; then it is the next one.
    ///
    /// # Errors
    /// A [`Failure`] if `--set` makes it invalid, or no port is left.
    pub fn listen(
        &mut self,
        context: &Context,
    ) -> Result<(Loaded, (net::Bound, web::Bound)), Failure> {
        loop {
            let mut loaded = self.load(context, &self.web(PLAIN_PORT, SECURE_PORT))?;
            let taken = match server::bind(&loaded.config) {
                Ok(bound) => {
                    let web = self.listen_web(context, &mut loaded)?;
                    return Ok((loaded, (bound, web)));
                }
                Err(failure) => failure,
            };
            let ours = server::listeners(&loaded.config);
            let chosen = ours.iter().any(|listener| listener.socket == self.address);
            let next = self.address.port().saturating_add(1);
            if !chosen || taken.exit != Exit::Refused {
                return Err(taken);
            }
            self.address = free_address(self.address.ip(), next)?;
        }
    }

    /// Binds the web where it is wanted, or on the next free ports where nobody wanted others.
    fn listen_web(&self, context: &Context, loaded: &mut Loaded) -> Result<web::Bound, Failure> {
        let own = self.web(PLAIN_PORT, SECURE_PORT);
        if loaded.config.web.listen != own {
            return front::bind(loaded);
        }
        let [plain, secure] = own;
        *loaded = self.load(context, &[free_listener(plain)?, free_listener(secure)?])?;
        front::bind(loaded)
    }

    fn web(&self, plain: u16, secure: u16) -> [Listener; 2] {
        let loopback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), plain);
        let everybody = SocketAddr::new(self.address.ip(), secure);
        [
            Listener { scheme: Scheme::Http, address: loopback },
            Listener { scheme: Scheme::Https, address: everybody },
        ]
    }

    /// The configuration: no file, the demonstration's keys, and above them what `--set` says.
    ///
    /// # Errors
    /// A [`Failure`] if `--set` makes it invalid.
    fn load(&self, context: &Context, web: &[Listener; 2]) -> Result<Loaded, Failure> {
        let mut sources = context.sources();
        let address = self.address;
        let [plain, secure] = web;
        let secure_sip = SocketAddr::new(address.ip(), secure_port(address.port()));
        sources.file = None;
        sources.environment.clear();
        sources.data_dir = Some(self.data_dir.clone());
        let mut set = vec![
            format!("domain={DOMAIN}"),
            format!(
                "sip.listen=[\"udp://{address}\", \"tcp://{address}\", \"tls://{secure_sip}\"]"
            ),
            format!("web.listen=[\"{plain}\", \"{secure}\"]"),
            "msrp.listen=[]".to_owned(),
            "presence.default_policy=allow".to_owned(),
            format!("identity.md5_only_people=[\"{MD5_ONLY}\"]"),
            "log.level=warn".to_owned(),
        ];
        set.append(&mut sources.set);
        sources.set = set;
        sources.load().map_err(Failure::usage)
    }

    /// Makes the people.
    ///
    /// # Errors
    /// A [`Failure`] if the store does not take them.
    pub async fn people(&self, site: &Site) -> Result<(), Failure> {
        let actor = Actor::server();
        let accounts = &site.accounts;
        accounts
            .import_csv(&actor, &crowd(), ImportOptions::default())
            .await
            .map_err(Failure::failed)?;
        for (user, password) in TOLD.into_iter().zip(&self.passwords) {
            one(accounts, &actor, user, password).await.map_err(Failure::failed)?;
            self.keep_password(user, password)?;
        }
        let new = NewConsoleAccount { name: OWNER, role: Role::Owner, password: &self.owner };
        match accounts.add_console(&actor, new).await {
            // A directory that was used for a demonstration before.
            Err(AccountsError::Console(ConsoleError::Exists(_))) => {
                accounts.set_console_password(&actor, OWNER, &self.owner).await
            }
            other => other.map(|_| ()),
        }
        .map_err(Failure::failed)?;
        self.keep_password(OWNER, &self.owner)
    }

    fn keep_password(&self, user: &str, password: &str) -> Result<(), Failure> {
        let file = self.password_file(user);
        fs::write(&file, format!("{password}\n"))
            .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))
    }

    /// Lets `echo` sign in, and waits until it is there.
    ///
    /// # Errors
    /// A [`Failure`] if it cannot.
    pub async fn residents(
        &self,
        context: &Context,
        site: &Site,
        server: &Server,
    ) -> Result<Residents, Failure> {
        let password = self.passwords.last().cloned().unwrap_or_default();
        let resident = Resident {
            server: self.reached_at(server, Transport::Udp),
            domain: site.identity.domain().to_owned(),
            user: ECHO.to_owned(),
            password,
        };
        let (ready, there) = oneshot::channel();
        let (leave, left) = oneshot::channel::<()>();
        let clock = context.clock.clone();
        let mut task = tokio::spawn(async move {
            let stop = async {
                // Dropped is as good as told.
                let _ = left.await;
            };
            echo::run(resident, clock, ready, stop)
                .await
                .map_err(|error| Failure::failed(format!("echo cannot sign in: {error}")))
        });
        tokio::select! {
            arrived = tokio::time::timeout(ARRIVAL, there) => match arrived {
                Ok(Ok(())) => Ok(Residents { leave, task }),
                // It ended before it was there, and says why.
                Ok(Err(_)) => Err(ended(task.await)),
                Err(_) => Err(Failure::failed("echo cannot sign in: the server does not answer")),
            },
            outcome = &mut task => Err(ended(outcome)),
        }
    }

    /// Prints what answers, ready to be copied.
    ///
    /// # Errors
    /// A [`Failure`] if standard output takes no more.
    pub fn tell(&self, context: &Context, server: &Server) -> Result<(), Failure> {
        let program = std::env::current_exe().map_err(Failure::failed)?;
        let udp = self.reached_at(server, Transport::Udp);
        let tcp = self.reached_at(server, Transport::Tcp);
        let tls = self.reached_at(server, Transport::Tls);
        let web = front::links(server.web().map(web::Web::addresses).unwrap_or_default());
        let program = quoted(&program);
        let message = format!(
            "{program} client message {ECHO} 'Hello, campus!' --server {udp} \
             --user {ALICE}@{DOMAIN} --password-file {} --wait-reply",
            quoted(&self.password_file(ALICE)),
        );
        let watch = format!(
            "{program} client watch {ECHO} --server {tcp} --user {ALICE}@{DOMAIN} \
             --password-file {} --expires 0",
            quoted(&self.password_file(ALICE)),
        );
        // Plain on loopback, so that no warning about a certificate stands in the way.
        let plain = web.iter().find(|link| link.starts_with("http://")).or(web.first());
        let console = plain.map(|link| format!("{link}admin"));
        let data_dir = quoted(&self.data_dir);
        let status = format!("{program} --data-dir {data_dir} status");
        let people = TOLD.into_iter().zip(&self.passwords);
        if context.output.json {
            let people: Vec<_> = people
                .map(|(user, password)| {
                    json!({
                        "user": user,
                        "address": format!("sip:{user}@{DOMAIN}"),
                        "password": password.as_str(),
                        "md5_only": user == MD5_ONLY,
                    })
                })
                .collect();
            return context.output.document(&json!({
                "domain": DOMAIN,
                "data_dir": self.data_dir,
                "sip": { "udp": udp.to_string(), "tcp": tcp.to_string(), "tls": tls.to_string() },
                "web": web,
                "console": {
                    "link": console,
                    "user": OWNER,
                    "password": self.owner.as_str(),
                },
                "people": people,
                "message": message,
                "watch": watch,
                "status": status,
            }));
        }
        let mut text = format!(
            "\nThis is the campus {DOMAIN}. It runs until Ctrl-C{}.\n\n\
             Send a message, and see the answer:\n\n  {message}\n\n\
             See whether somebody is there:\n\n  {watch}\n\n\
             People to sign in as, with any SIP client (there are 200 more):\n\n",
            if self.own.is_some() { " and leaves nothing behind" } else { "" },
        );
        // Writing to memory cannot fail.
        let _ = writeln!(text, "  {:<8} {:<28} password", "user", "SIP address");
        for (user, password) in people.filter(|(user, _)| *user != ECHO) {
            let note = if user == MD5_ONLY { "for clients that know MD5 only" } else { "" };
            let address = format!("sip:{user}@{DOMAIN}");
            let line = format!("  {user:<8} {address:<28} {:<14} {note}", password.as_str());
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if self.address.ip().is_unspecified() {
            let port = self.address.port();
            let _ =
                writeln!(text, "\n  from a telephone: any address of this machine, port {port}");
        }
        let _ = write!(
            text,
            "\n  domain   {DOMAIN}\n  proxy    sip:{tcp};transport=tcp   or   sip:{udp}   or   sip:{tls};transport=tls\n  \
             {ECHO}     sip:{ECHO}@{DOMAIN} answers whatever it is told\n\n\
             How the server is:\n\n  {status}\n"
        );
        if let Some(console) = console {
            let _ = write!(
                text,
                "\nThe console, as {OWNER} with the password {}:\n\n  {console}\n",
                self.owner.as_str()
            );
        }
        if !web.is_empty() {
            let _ = write!(text, "\nIn a browser, how to connect to it:\n\n");
        }
        for link in &web {
            let _ = writeln!(text, "  {link}");
        }
        context.output.line(&text)
    }

    fn password_file(&self, user: &str) -> PathBuf {
        self.data_dir.join(format!("{user}.password"))
    }

    /// Where a program on this machine reaches the server.
    fn reached_at(&self, server: &Server, transport: Transport) -> SocketAddr {
        let mut at = server
            .addresses()
            .iter()
            .find(|address| address.transport == transport)
            .map_or(self.address, |address| address.socket);
        if at.ip().is_unspecified() {
            at.set_ip(match at {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            });
        }
        at
    }
}

/// Those who are always there.
#[derive(Debug)]
pub struct Residents {
    leave: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Failure>>,
}

impl Residents {
    /// Lets them sign out.
    pub async fn leave(self) {
        let _ = self.leave.send(());
        if let Ok(Ok(Err(failure))) = tokio::time::timeout(ARRIVAL, self.task).await {
            tracing::warn!("{failure}");
        }
    }
}

fn ended(outcome: Result<Result<(), Failure>, tokio::task::JoinError>) -> Failure {
    match outcome {
        Ok(Err(failure)) => failure,
        Ok(Ok(())) => Failure::failed("echo left before it was there"),
        Err(error) => Failure::failed(format!("echo cannot sign in: {error}")),
    }
}

async fn one(
    accounts: &Accounts,
    actor: &Actor,
    user: &str,
    password: &str,
) -> Result<(), AccountsError> {
    let name = match user {
        ALICE => "Alice Almeida",
        BOB => "Bob Barbosa",
        MD5_ONLY => "Marta Moreira",
        _ => "Echo",
    };
    let mail = format!("{user}@{DOMAIN}");
    let new = NewAccount {
        user,
        display_name: name,
        mail: &mail,
        password: Some(password),
        ..NewAccount::default()
    };
    match accounts.add_local(actor, new).await {
        // A directory that was used for a demonstration before.
        Err(AccountsError::Exists(_)) => accounts.set_password(actor, user, password).await,
        other => other.map(|_| ()),
    }
}

/// Two hundred people in four groups, as an administrator would import them. Nobody knows their
/// passwords; `tagus user passwd` gives them others.
fn crowd() -> String {
    let groups = ["students", "students", "students", "staff", "teachers", "students library"];
    let mut csv = String::from("user,name,mail,password,groups\n");
    let names = FAMILY.iter().flat_map(|family| GIVEN.map(|given| (given, *family)));
    for (number, (given, family)) in names.enumerate() {
        let user = format!("{}.{}", plain(given), plain(family));
        let group = groups.get(number % groups.len()).copied().unwrap_or_default();
        let password = entropy::token(12);
        // Writing to memory cannot fail.
        let _ = writeln!(csv, "{user},{given} {family},{user}@{DOMAIN},{password},{group}");
    }
    for (number, name) in ["helpdesk", "library", "secretary", "porter"].into_iter().enumerate() {
        let password = entropy::token(12);
        let _ = writeln!(csv, "{name},The {name} ({number}),{name}@{DOMAIN},{password},staff");
    }
    csv
}

/// A name without accents, in lower case.
fn plain(name: &str) -> String {
    let letter = |c: char| match c {
        'á' | 'ã' | 'â' => 'a',
        'é' | 'ê' => 'e',
        'ç' => 'c',
        'ó' | 'õ' => 'o',
        other => other,
    };
    name.to_lowercase().chars().map(letter).collect()
}

/// SIP over TLS is one port above the others (RFC 3261 s19.1.2).
const fn secure_port(port: u16) -> u16 {
    port.saturating_add(1)
}

/// The first port from `first` on that is free for UDP and TCP alike, with the next one for TLS.
fn free_address(ip: IpAddr, first: u16) -> Result<SocketAddr, Failure> {
    let mut last = None;
    for port in first..FIRST_PORT + PORTS {
        let address = SocketAddr::new(ip, port);
        // Held for a moment only, without the sharing that the server's own sockets ask for.
        let tls = SocketAddr::new(ip, secure_port(port));
        let found = UdpSocket::bind(address).and_then(|_udp| {
            let _tls = TcpListener::bind(tls)?;
            TcpListener::bind(address)
        });
        match found {
            Ok(_) => return Ok(address),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => Failure::failed(format!("{ip} cannot be listened on: {error}")),
        None => Failure::refused(format!(
            "the ports {FIRST_PORT} to {} of {ip} are all in use",
            FIRST_PORT + PORTS - 1
        )),
    })
}

/// This listener, or one with the next free port.
fn free_listener(wanted: Listener) -> Result<Listener, Failure> {
    let first = wanted.address.port();
    for port in first..first.saturating_add(PORTS) {
        let address = SocketAddr::new(wanted.address.ip(), port);
        match TcpListener::bind(address) {
            Ok(_) => return Ok(Listener { address, ..wanted }),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => {
                return Err(Failure::failed(format!("{address} cannot be listened on: {error}")));
            }
        }
    }
    Err(Failure::refused(format!("{wanted} and the {PORTS} ports above are in use")))
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c)) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crowd_is_about_two_hundred_people_of_different_names() {
        let csv = crowd();
        let users: std::collections::HashSet<&str> =
            csv.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert_eq!(users.len(), csv.lines().count() - 1);
        assert_eq!(users.len(), 200);
        assert!(users.iter().all(|user| user.is_ascii()), "{users:?}");
    }

    #[test]
    fn a_busy_port_is_passed_over() {
        let first = free_address(Ipv4Addr::LOCALHOST.into(), FIRST_PORT).unwrap();
        let _taken = UdpSocket::bind(first).unwrap();
        let second = free_address(Ipv4Addr::LOCALHOST.into(), FIRST_PORT).unwrap();
        assert!(second.port() > first.port());
    }

    /// Two demonstrations that start at once find the same port free; one gets the next.
    #[test]
    fn a_port_that_is_taken_after_it_was_found_free_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = Some(folder.path().to_owned());
        let context = Context::new(crate::app::context::Global { data_dir, ..Default::default() });
        let mut demo = Demo::new(&context, None).unwrap();
        let found = demo.address;
        let _taken = UdpSocket::bind(found).unwrap();
        let (_, (bound, _)) = demo.listen(&context).unwrap();
        assert!(demo.address.port() > found.port());
        assert!(bound.addresses().iter().all(|address| {
            let tls = address.transport == Transport::Tls;
            let port = demo.address.port();
            address.socket.port() == if tls { secure_port(port) } else { port }
        }));
    }

    #[test]
    fn a_path_with_a_blank_is_one_word_of_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/a-b_c.d")), "/tmp/a-b_c.d");
        assert_eq!(quoted(Path::new("/tmp/it's here")), "'/tmp/it'\\''s here'");
    }
}
