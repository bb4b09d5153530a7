//! `tagus client` and `tagus message`.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::told::perform;
use crate::app::cli;
use crate::app::context::Context;
use crate::channel::{ClientTls, read_roots, system_roots};
use crate::client::account::{Account, Target};
use crate::client::carrier::Way;
use crate::client::link::{self, LinkError};
use crate::client::listen::{self, Bounds};
use crate::client::message::{self, LONGEST_FOR_UDP, Order};
use crate::client::publish::{self, State};
use crate::client::register::{self, Stay};
use crate::client::session::Session;
use crate::client::{ClientError, Notice, watch};
use crate::operations::{Failure, Reply, Request, Status};
use crate::sip::Transport;

/// Where the server keeps the certificate of its own authority.
const OWN_AUTHORITY: &str = "tls/ca.pem";

/// A longer text is a file by mistake.
const LONGEST_TEXT: u64 = 64 * 1_024;

pub(super) fn run(context: &Context, command: cli::Client) -> Result<(), Failure> {
    match command {
        cli::Client::Register(command) => register(context, &command),
        cli::Client::Message { text, sign_in } => send(context, &text, &sign_in),
        cli::Client::Listen(command) => listen(context, &command),
        cli::Client::Msrp(command) => super::msrp::run(context, command),
        cli::Client::Publish(command) => publish(context, &command),
        cli::Client::Watch(command) => watch(context, &command),
    }
}

/// `tagus message`: the same under a shorter name.
pub(super) fn message(context: &Context, command: cli::Message) -> Result<(), Failure> {
    let cli::Message { text, from, connection } = command;
    send(context, &text, &cli::SignIn { user: from, connection })
}

fn register(context: &Context, command: &cli::Register) -> Result<(), Failure> {
    let place = Place::of(context, &command.sign_in, Transport::Udp)?;
    perform(context, Notice::to_string, failure, async |tell, stop| {
        let mut session = place.open(context, "register").await?;
        register::register(&mut session, command.expires, stay(&command.stay), stop, tell).await
    })
}

fn stay(stay: &cli::Stay) -> Stay {
    match (stay.once, stay.duration) {
        (true, _) => Stay::Once,
        (false, Some(duration)) => Stay::For(duration),
        (false, None) => Stay::UntilStopped,
    }
}

fn listen(context: &Context, command: &cli::Listen) -> Result<(), Failure> {
    let place = Place::of(context, &command.sign_in, Transport::Udp)?;
    let bounds = Bounds { duration: command.duration, count: command.count };
    perform(context, Notice::to_string, failure, async |tell, stop| {
        let mut session = place.open(context, "listen").await?;
        listen::listen(&mut session, bounds, stop, tell).await
    })
}

fn publish(context: &Context, command: &cli::Publish) -> Result<(), Failure> {
    let place = Place::of(context, &command.sign_in, Transport::Udp)?;
    let state = State {
        open: command.status == "open",
        activity: command.activity.clone(),
        note: command.note.clone(),
    };
    let document = state.document(&place.account.address()).map_err(Failure::usage)?;
    perform(context, Notice::to_string, failure, async |tell, stop| {
        let mut session = place.open(context, "publish").await?;
        publish::publish(&mut session, &document, command.expires, stay(&command.stay), stop, tell)
            .await
    })
}

fn watch(context: &Context, command: &cli::Watch) -> Result<(), Failure> {
    // Documents of several devices do not fit datagrams.
    let place = Place::of(context, &command.sign_in, Transport::Tcp)?;
    let whom = Target::parse(&command.whom, &place.account.domain)
        .map_err(|error| failure(ClientError::Target { address: command.whom.clone(), error }))?;
    let order = watch::Order {
        whom,
        event: command.event.clone(),
        accept: command.accept.clone(),
        expires: command.expires,
        document: command.document,
    };
    let bounds = Bounds { duration: command.duration, count: command.count };
    perform(context, Notice::to_string, failure, async |tell, stop| {
        let mut session = place.open(context, "watch").await?;
        watch::watch(&mut session, &order, bounds, stop, tell).await
    })
}

fn send(context: &Context, what: &cli::Text, sign_in: &cli::SignIn) -> Result<(), Failure> {
    let mut text = what.text.clone();
    let default = |text: &str| {
        if text.len() > LONGEST_FOR_UDP { Transport::Tcp } else { Transport::Udp }
    };
    // The password is read first: both may come from standard input, the password on one line.
    let account = if text == "-" { Some(read_password(sign_in)?) } else { None };
    if account.is_some() {
        text = read_text()?;
    }
    let password = match account {
        Some(password) => password,
        None => read_password(sign_in)?,
    };
    let place = Place::with_password(context, sign_in, default(&text), password)?;
    let to = Target::parse(&what.to, &place.account.domain)
        .map_err(|error| failure(ClientError::Target { address: what.to.clone(), error }))?;
    let order = Order { to, text, wait_reply: what.wait_reply };
    perform(context, Notice::to_string, failure, async |tell, stop| {
        let mut session = place.open(context, "message").await?;
        message::message(&mut session, &order, stop, tell).await
    })
}

fn read_password(sign_in: &cli::SignIn) -> Result<Zeroizing<String>, Failure> {
    let secret = sign_in.connection.password.read()?.ok_or_else(|| {
        Failure::usage("a password is needed: --password-file FILE, or - for standard input")
    })?;
    Ok(Zeroizing::new(secret.expose().to_owned()))
}

fn read_text() -> Result<String, Failure> {
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(LONGEST_TEXT + 1);
    input.read_to_string(&mut text).map_err(|e| Failure::failed(format!("the text: {e}")))?;
    if text.len() as u64 > LONGEST_TEXT {
        return Err(Failure::usage(format!("the text is longer than {LONGEST_TEXT} bytes")));
    }
    // A pipe from echo ends with a line end that nobody meant.
    let bare = text.strip_suffix('\n').unwrap_or(&text);
    Ok(bare.to_owned())
}

/// Who signs in where.
struct Place {
    account: Account,
    server: String,
    way: Way,
}

impl Place {
    fn of(context: &Context, sign_in: &cli::SignIn, default: Transport) -> Result<Place, Failure> {
        Place::with_password(context, sign_in, default, read_password(sign_in)?)
    }

    fn with_password(
        context: &Context,
        sign_in: &cli::SignIn,
        default: Transport,
        password: Zeroizing<String>,
    ) -> Result<Place, Failure> {
        let transport = match sign_in.connection.transport.as_deref() {
            None => default,
            Some("udp") => Transport::Udp,
            Some("tcp") => Transport::Tcp,
            Some("tls") => Transport::Tls,
            Some("ws") => Transport::Ws,
            Some(_) => Transport::Wss,
        };
        let bare = sign_in.user.strip_prefix("sip:").unwrap_or(&sign_in.user);
        let (user, domain) = match bare.rsplit_once('@') {
            Some((user, domain)) => (user, Some(domain.to_owned())),
            None => (bare, None),
        };
        let named = sign_in.connection.server.clone();
        // Asked only for what was not said.
        let status = if named.is_none() || domain.is_none() { status(context) } else { None };
        let domain = domain.or_else(|| status.as_ref().map(|status| status.domain.clone()));
        let domain = domain.ok_or_else(|| {
            Failure::usage(format!(
                "of which domain is {user}? No server runs here to say so: --user {user}@DOMAIN"
            ))
        })?;
        let server = match (named, &status) {
            (Some(server), _) => server,
            (None, Some(status)) => listener(status, transport)
                .ok_or_else(|| {
                    Failure::unreachable(format!("the server has no listener for {transport}"))
                })?
                .to_string(),
            (None, None) => format!("127.0.0.1:{}", link::default_port(transport)),
        };
        let account = Account { user: user.to_owned(), domain, password };
        if Target::parse(&account.address(), "").is_err() {
            return Err(Failure::usage(format!("{} is no user@domain", sign_in.user)));
        }
        let mut way = Way::from(transport);
        if way.is_secure() {
            let connection = &sign_in.connection;
            let own = context.data_dir().ok().map(|dir| dir.join(OWN_AUTHORITY));
            way.trust =
                Some(trust(connection.ca_file.as_deref(), own.as_deref(), connection.insecure)?);
            // RFC 5922 s4: whom we asked for. A server that is named by its address alone has to be
            // that of the domain.
            let host = server.rsplit_once(':').map_or(server.as_str(), |(host, _)| host);
            let is_address =
                server.parse::<SocketAddr>().is_ok() || server.parse::<IpAddr>().is_ok();
            let named = if is_address || host.starts_with('[') { &account.domain } else { host };
            way.name = Some(named.to_owned());
        }
        Ok(Place { account, server, way })
    }

    async fn open(&self, context: &Context, purpose: &str) -> Result<Session, ClientError> {
        let port = link::default_port(self.way.transport);
        let server = link::resolve(&self.server, port).await?;
        let clock = context.clock.clone();
        Session::open(self.account.clone(), self.way.clone(), server, purpose, clock).await
    }
}

/// Whom a client trusts to vouch for servers.
pub(super) fn trust(
    ca_file: Option<&Path>,
    own: Option<&Path>,
    insecure: bool,
) -> Result<ClientTls, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let made = if insecure {
        ClientTls::insecure(provider)
    } else {
        let roots = match ca_file {
            Some(file) => read_roots(file)
                .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?,
            None => {
                let mut roots = system_roots();
                let own = own.and_then(|file| read_roots(file).ok());
                roots.extend(own.into_iter().flat_map(|own| own.roots));
                roots
            }
        };
        ClientTls::new(provider, Arc::new(roots))
    };
    made.map_err(Failure::failed)
}

/// What a running server of this data directory says about itself.
fn status(context: &Context) -> Option<Box<Status>> {
    match context.ask_server(&Request::Status) {
        Ok(Reply::Status(status)) => Some(status),
        _ => None,
    }
}

/// Where the server listens, as seen from this machine.
fn listener(status: &Status, transport: Transport) -> Option<SocketAddr> {
    let (listeners, scheme) = match transport {
        Transport::Ws => (&status.listeners.web, "http://".to_owned()),
        Transport::Wss => (&status.listeners.web, "https://".to_owned()),
        _ => (&status.listeners.sip, format!("{transport}://")),
    };
    let addresses = listeners.iter().filter_map(|url| url.strip_prefix(&scheme));
    addresses.filter_map(|address| address.parse().ok()).next().map(|address: SocketAddr| {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, address.port())
    })
}

/// The exit code of an error (RFC 3261 s21 for the statuses behind it).
fn failure(error: ClientError) -> Failure {
    match &error {
        ClientError::Target { .. } => Failure::usage(error),
        ClientError::Link(LinkError::NotProved { .. }) => Failure::refused(error),
        ClientError::Link(_) | ClientError::Unreachable(_) | ClientError::Disconnected(_) => {
            Failure::unreachable(error)
        }
        ClientError::Refused(_) => Failure::refused(error),
        ClientError::Timeout(_)
        | ClientError::Failed(_)
        | ClientError::NoReply(_)
        | ClientError::Stopped => Failure::failed(error),
    }
}
