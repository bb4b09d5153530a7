//! `tagus serve`: the server, from the first line of the log to the last byte on the disk.

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::administration::Administration;
use super::cli;
use super::context::Context;
use super::control::{self, Client};
use super::demo::Demo;
use super::front;
use super::process;
use super::server::{self, Server};
use super::setup_link;
use super::site::{Opened, Purpose, Site};
use super::telemetry;
use crate::config::{Loaded, Origin};
use crate::operations::{Failure, Operations};
use crate::tls::Certificates;
use crate::{net, tls, web};

/// Threads beside the workers, for the directory, durable writes and the control socket. One: most
/// of what they do is to wait for each other, and each hand-over between threads costs more than it.
const CONTROL_THREADS: usize = 1;

/// Runs the server until it is told to end.
///
/// # Errors
/// A [`Failure`] if it cannot start.
pub fn run(context: &Context, arguments: &cli::Serve) -> Result<(), Failure> {
    let mut demo = arguments.demo.then(|| Demo::new(context, arguments.bind)).transpose()?;
    let (loaded, sockets) = match &mut demo {
        Some(demo) => demo.listen(context).map(|(loaded, sockets)| (loaded, Some(sockets)))?,
        None => (context.load()?, None),
    };
    telemetry::start(&loaded.config.log, context.clock.clone()).map_err(Failure::usage)?;
    greet(&loaded, demo.is_some());
    process::raise_descriptor_limit();

    let runtime = Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let outcome = serve(context, loaded, sockets, demo.as_ref(), &runtime);
    // Somebody's name lookup may hang; it has nothing that must be kept.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match outcome? {
        Ended::ForGood => Ok(()),
        Ended::ToStartAgain => process::start_again(),
    }
}

/// How a server ended that was not broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    ForGood,
    ToStartAgain,
}

fn serve(
    context: &Context,
    loaded: Loaded,
    sockets: Option<(net::Bound, web::Bound)>,
    demo: Option<&Demo>,
    runtime: &Runtime,
) -> Result<Ended, Failure> {
    // Told to end while it starts, it ends after the start.
    let mut signals = runtime.block_on(async { Signals::new() }).map_err(Failure::failed)?;
    process::own_data_dir(&loaded.config.data_dir)?;
    // Said before the ports: they are busy because of it.
    if Client::connect(&loaded.config.control_socket()).is_ok() {
        return Err(Failure::refused(format!(
            "a server runs in {0} already: tagus --data-dir {0} status; end it, or choose another \
             --data-dir and other ports",
            loaded.config.data_dir.display()
        )));
    }
    // First, because the ports may be stored there.
    let mut opened = Opened::open(loaded, &context.clock, Purpose::Server)?;
    telemetry::set_level(&opened.loaded.config.log.level).map_err(Failure::usage)?;
    let (sip, web) = match sockets {
        Some(sockets) => sockets,
        None => bind(&mut opened)?,
    };
    let metrics = front::bind_metrics(&opened.loaded)?;
    let control_socket = opened.loaded.config.control_socket();
    let site = Arc::new(Site::over(opened, context.clock.clone(), runtime.handle())?);
    if let Some(demo) = demo {
        runtime.block_on(demo.people(&site))?;
    }
    let certificates = front::certificates(&site);
    let server = {
        let _runtime = runtime.enter();
        Server::open(Arc::clone(&site), sip, Arc::clone(&certificates), runtime.handle())?
    };
    let administration = Arc::new(Administration::new(Arc::clone(&site), Some(server.clone())));
    let operations = Arc::clone(&administration) as Arc<dyn Operations>;
    let egress = server.egress();
    let web = front::serve(&site, &certificates, web, egress, operations, runtime.handle())?;
    server.show_web(web);
    if !metrics.addresses().is_empty() {
        let figures = Arc::clone(&server) as Arc<dyn web::Exposition>;
        server.show_metrics(front::serve_metrics(
            &site,
            &certificates,
            metrics,
            figures,
            runtime.handle(),
        )?);
    }
    // No console, no link: SIP is served all the same.
    let listeners = server.web().map(|web| web.addresses().to_vec()).unwrap_or_default();
    if let Err(failure) = runtime.block_on(setup_link::offer(&site, &listeners)) {
        tracing::warn!(event = "no_setup_link", "{failure}");
    }
    let keeping = runtime.spawn(setup_link::keep(Arc::clone(&site)));
    let tending = front::tend(&certificates, runtime.handle());
    let socket = {
        let _runtime = runtime.enter();
        control::Listener::bind(&control_socket).map_err(Failure::failed)?
    };
    let commands =
        runtime.spawn(control::serve(socket, Arc::clone(&administration) as Arc<dyn Operations>));

    let residents = match demo {
        Some(demo) => Some(runtime.block_on(demo.residents(context, &site, &server))?),
        None => None,
    };
    let again = Arc::new(Notify::new());
    if demo.is_none() {
        server.may_restart(Arc::clone(&again));
    }
    let ready = announce(context, &site, &server, &certificates, demo);
    let ended = ready.map(|()| runtime.block_on(signals.wait(&certificates, &again)));

    tracing::info!(event = "stopping");
    if let Some(residents) = residents {
        runtime.block_on(residents.leave());
    }
    administration.end_jobs();
    // New commands find no socket from here on.
    commands.abort();
    let _ = runtime.block_on(commands);
    tending.abort();
    keeping.abort();
    for web in [server.web(), server.metrics()].into_iter().flatten() {
        runtime.block_on(web.stop());
    }
    server.stop();
    tracing::info!(event = "stopped");
    ended
}

/// Takes the ports. Those that the console stored and that cannot be had are passed over for those of
/// the file: a server that does not start has no console to mend it.
fn bind(opened: &mut Opened) -> Result<(net::Bound, web::Bound), Failure> {
    const STORED: [&str; 2] = ["sip.listen", "web.listen"];
    let both = |loaded: &Loaded| Ok((server::bind(&loaded.config)?, front::bind(loaded)?));
    match both(&opened.loaded) {
        Err(failure) if STORED.iter().any(|key| opened.loaded.origin(key) == Origin::Console) => {
            tracing::error!(event = "setting.passed_over", "{failure}");
            opened.pass_over(&STORED)?;
            both(&opened.loaded)
        }
        other => other,
    }
}

/// The line that scripts wait for, then what a person wants to know.
fn announce(
    context: &Context,
    site: &Site,
    server: &Server,
    certificates: &Certificates,
    demo: Option<&Demo>,
) -> Result<(), Failure> {
    let listeners = server.web().map(web::Web::addresses).unwrap_or_default();
    let web: Vec<String> = listeners.iter().map(ToString::to_string).collect();
    let sip: Vec<String> = server.addresses().iter().map(ToString::to_string).collect();
    tracing::info!(event = "ready", domain = site.identity.domain(), sip = %sip.join(" "), web = %web.join(" "));
    let addresses: Vec<&str> = sip.iter().chain(&web).map(String::as_str).collect();
    let line = format!("ready {} {}", site.identity.domain(), addresses.join(" "));
    context.output.line(&line)?;
    if let Some(demo) = demo {
        return demo.tell(context, server);
    }
    if context.output.is_terminal() {
        context.output.line(&format!(
            "\nAdd a person:   printf 'secret\\n' | tagus --data-dir {0} user add alice --password-file -\n\
             See how it is:  tagus --data-dir {0} status\n\
             In a SIP client: address sip:alice@{1}, proxy one of the addresses above.",
            site.config.data_dir.display(),
            site.identity.domain(),
        ))?;
        for link in front::links(listeners) {
            context.output.line(&format!("In a browser:   {link}"))?;
        }
        if certificates.source() == tls::Source::Internal
            && let Some(fingerprint) = certificates.authority_fingerprint()
        {
            context.output.line(&format!(
                "The certificate is from an authority of our own; devices get it from /ca.crt.\n\
                 Its SHA-256: {fingerprint}"
            ))?;
        }
    }
    Ok(())
}

/// What the log begins with.
fn greet(loaded: &Loaded, demo: bool) {
    let config = &loaded.config;
    tracing::info!(
        event = "starting",
        version = env!("CARGO_PKG_VERSION"),
        data_dir = %config.data_dir.display(),
    );
    for warning in &loaded.warnings {
        tracing::warn!(event = "configuration", "{warning}");
    }
    if process::is_root() && !demo {
        tracing::warn!(
            event = "root",
            "this runs as root; a user of its own needs only the right to bind low ports"
        );
    }
    // Configured, accepted, and not built yet: said once, and absent from `status`.
    for listener in &config.msrp.listen {
        tracing::info!(event = "not_served_yet", service = "msrp", listener = %listener);
    }
}

/// The signals that end a server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Needs a runtime.
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn wait(&mut self, certificates: &Arc<Certificates>, again: &Notify) -> Ended {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Ended::ForGood,
                _ = self.terminate.recv() => return Ended::ForGood,
                () = again.notified() => return Ended::ToStartAgain,
                _ = self.hangup.recv() => {
                    tracing::warn!(
                        event = "hangup",
                        "certificates are read again; the configuration is read at the start only"
                    );
                    let certificates = Arc::clone(certificates);
                    // Reads files.
                    let _ = tokio::task::spawn_blocking(move || certificates.reload()).await;
                }
            }
        }
    }
}
