//! `tagus client` and `tagus message`.

use std::future::Future;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::app::cli;
use crate::app::context::{Context, runtime};
use crate::app::control::{Reply, Request, Status};
use crate::app::exit::Failure;
use crate::client::account::{Account, Target};
use crate::client::link::{self, LinkError};
use crate::client::listen::{self, Bounds};
use crate::client::message::{self, LONGEST_FOR_UDP, Order};
use crate::client::register::{self, Stay};
use crate::client::session::Session;
use crate::client::{ClientError, Notice};
use crate::sip::Transport;

/// A longer text is a file by mistake.
const LONGEST_TEXT: u64 = 64 * 1_024;

pub(super) fn run(context: &Context, command: cli::Client) -> Result<(), Failure> {
    match command {
        cli::Client::Register(command) => register(context, &command),
        cli::Client::Message { text, sign_in } => send(context, &text, &sign_in),
        cli::Client::Listen(command) => listen(context, &command),
    }
}

/// `tagus message`: the same under a shorter name.
pub(super) fn message(context: &Context, command: cli::Message) -> Result<(), Failure> {
    let cli::Message { text, from, connection } = command;
    send(context, &text, &cli::SignIn { user: from, connection })
}

fn register(context: &Context, command: &cli::Register) -> Result<(), Failure> {
    let place = Place::of(context, &command.sign_in, Transport::Udp)?;
    let stay = match (command.once, command.duration) {
        (true, _) => Stay::Once,
        (false, Some(duration)) => Stay::For(duration),
        (false, None) => Stay::UntilStopped,
    };
    perform(context, async |tell, stop| {
        let mut session = place.open(context, "register").await?;
        register::register(&mut session, command.expires, stay, stop, tell).await
    })
}

fn listen(context: &Context, command: &cli::Listen) -> Result<(), Failure> {
    let place = Place::of(context, &command.sign_in, Transport::Udp)?;
    let bounds = Bounds { duration: command.duration, count: command.count };
    perform(context, async |tell, stop| {
        let mut session = place.open(context, "listen").await?;
        listen::listen(&mut session, bounds, stop, tell).await
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
    perform(context, async |tell, stop| {
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
    transport: Transport,
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
            Some("tls") => return Err(failure(LinkError::NotBuilt("tls").into())),
            Some("ws") => return Err(failure(LinkError::NotBuilt("ws").into())),
            Some(_) => return Err(failure(LinkError::NotBuilt("wss").into())),
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
            (None, None) => "127.0.0.1:5060".to_owned(),
        };
        let account = Account { user: user.to_owned(), domain, password };
        if Target::parse(&account.address(), "").is_err() {
            return Err(Failure::usage(format!("{} is no user@domain", sign_in.user)));
        }
        Ok(Place { account, server, transport })
    }

    async fn open(&self, context: &Context, purpose: &str) -> Result<Session, ClientError> {
        let server = link::resolve(&self.server).await?;
        let clock = context.clock.clone();
        Session::open(self.account.clone(), self.transport, server, purpose, clock).await
    }
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
    let scheme = format!("{transport}://");
    let addresses = status.listeners.sip.iter().filter_map(|url| url.strip_prefix(&scheme));
    addresses.filter_map(|address| address.parse().ok()).next().map(|address: SocketAddr| {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, address.port())
    })
}

/// Runs a command of the client: prints what it tells, stops it on SIGINT and SIGTERM.
fn perform(
    context: &Context,
    command: impl AsyncFnOnce(
        &mut dyn FnMut(Notice),
        std::pin::Pin<Box<dyn Future<Output = ()>>>,
    ) -> Result<(), ClientError>,
) -> Result<(), Failure> {
    let mut printed = Ok(());
    let mut tell = |notice: Notice| {
        if printed.is_ok() {
            printed = context.output.either(&notice, &notice.to_string());
        }
    };
    let result = runtime()?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let stop = Box::pin(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        command(&mut tell, stop).await.map_err(failure)
    });
    result.and(printed)
}

/// The exit code of an error (RFC 3261 s21 for the statuses behind it).
fn failure(error: ClientError) -> Failure {
    match &error {
        ClientError::Link(LinkError::NotBuilt(_)) | ClientError::Target { .. } => {
            Failure::usage(error)
        }
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
