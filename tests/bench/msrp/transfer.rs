//! MSRP's ends.

use std::fs::File;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path as FilePath;
use std::time::Duration;

use tagus::clock::Clock;
use tagus::msrp::peer::{
    Endpoint, EndpointOptions, Event, Identity, Outbound, SendEvent, SessionHandle, SessionOptions,
    Sink, Source, Trust,
};
use tagus::msrp::{Granularity, Path, Priority};

use crate::copy::Outcome;
use crate::times::Times;

/// The most memory that this process has had, in KiB. What the kernel tells a parent counts the parent
/// too.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn run(what: impl Future<Output = Outcome>) -> Outcome {
    // One thread for the connection, others for files: as small as a phone.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(what)
}

fn granularity(word: &str) -> Granularity {
    match word {
        "off" => Granularity::Off,
        "end" => Granularity::End,
        percent => percent.parse().map_or(Granularity::End, Granularity::EveryPercent),
    }
}

/// Takes what comes until the far end goes; files to a file, lines to nowhere.
pub(crate) fn receive(directory: &str, rest: &[&str]) -> Outcome {
    run(async {
        let mut options = EndpointOptions::new("127.0.0.1");
        let secure = rest.contains(&"tls");
        if secure {
            let files = ["cert.pem", "key.pem"].map(|name| FilePath::new(directory).join(name));
            options.identity = Some(Identity::from_files(&files[0], &files[1])?);
        }
        let endpoint = Endpoint::new(options)?;
        let anywhere = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        if secure {
            endpoint.listen_tls(anywhere).await?;
        } else {
            endpoint.listen(anywhere).await?;
        }
        let mut options = SessionOptions::default();
        if let Some(word) = rest.iter().find(|word| **word != "tls") {
            options.reports = granularity(word);
        }
        let offer = endpoint.offer(secure, options);
        println!("{}", offer.path());
        let mut session = offer.wait(None).await?;
        let mut number = 0;
        while let Some(event) = session.next().await {
            if let Event::Incoming(incoming) = event {
                number += 1;
                let file =
                    File::create(FilePath::new(directory).join(format!("received{number}")))?;
                let mut receiving = incoming.accept(Sink::from(file)).await;
                tokio::spawn(async move { receiving.finished().await });
            }
        }
        println!("{{\"peak_kib\":{}}}", peak_kib());
        Ok(())
    })
}

async fn connect(
    path: &str,
    directory: Option<&FilePath>,
) -> Result<tagus::msrp::peer::Session, Box<dyn std::error::Error>> {
    let mut options = EndpointOptions::new("127.0.0.1");
    if let Some(directory) = directory {
        options.trust = Trust::file(&directory.join("cert.pem"))?;
    }
    let endpoint = Endpoint::new(options)?;
    Ok(endpoint.connect(&Path::parse(path)?, SessionOptions::default()).await?)
}

/// Sends a file so many times, each when the one before it was confirmed; prints the time from opening
/// it to the peer's confirmation.
pub(crate) fn send(path: &str, file: &str, count: &str, rest: &[&str]) -> Outcome {
    let mut times = Times::new(count)?;
    run(async {
        let session = connect(path, FilePath::new(file).parent()).await?;
        let report = !rest.contains(&"off");
        let mut reports = 0;
        while times.go_on() {
            let mut how = Outbound::new("application/octet-stream");
            if report {
                how = how.report();
            }
            let began = times.clock.now();
            let mut sending = session.send(how, Source::file(file)?).await;
            while let Some(event) = sending.next().await {
                match event {
                    SendEvent::Reported { .. } => reports += 1,
                    SendEvent::Failed(failure) => return Err(failure.into()),
                    _ => {}
                }
            }
            times.note(began);
        }
        let peak = peak_kib();
        println!("{{{},\"reports\":{reports},\"peak_kib\":{peak}}}", times.json());
        Ok(())
    })
}

/// Sends lines of 100 bytes as fast as they are taken, and waits for each answer.
pub(crate) fn lines(path: &str, count: &str) -> Outcome {
    let count: usize = count.parse()?;
    run(async {
        let session = connect(path, None).await?;
        let line = bytes::Bytes::from(vec![b'x'; 100]);
        let clock = Clock::system();
        let began = clock.now();
        let (queue, mut waiting) = tokio::sync::mpsc::channel::<tagus::msrp::peer::Sending>(4_096);
        let answers = tokio::spawn(async move {
            let mut answered = 0_usize;
            while let Some(mut sending) = waiting.recv().await {
                answered += usize::from(sending.finished().await.is_ok());
            }
            answered
        });
        for _ in 0..count {
            queue.send(session.send(Outbound::text(), Source::memory(line.clone())).await).await?;
        }
        drop(queue);
        let answered = answers.await?;
        let seconds = clock.now().since(began).as_secs_f64();
        println!("{{\"messages\":{count},\"answered\":{answered},\"seconds\":{seconds:.6}}}");
        Ok(())
    })
}

async fn flood(handle: SessionHandle, file: String) {
    loop {
        let how = Outbound::new("application/octet-stream").priority(Priority::Bulk);
        let Ok(source) = Source::file(&file) else { return };
        if handle.send(how, source).await.finished().await.is_err() {
            return;
        }
    }
}

/// Sends lines, one after the other, while two files go over the same connection again and again.
pub(crate) fn chat(path: &str, file: &str, count: &str) -> Outcome {
    let count: usize = count.parse()?;
    run(async {
        let session = connect(path, None).await?;
        for _ in 0..2 {
            tokio::spawn(flood(session.handle(), file.to_owned()));
        }
        let clock = Clock::system();
        let mut times = Vec::new();
        // Somebody who writes two hundred lines a second.
        let mut turns = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..count {
            turns.tick().await;
            let began = clock.now();
            session.text("a line").await.finished().await?;
            times.push(clock.now().since(began).as_micros());
        }
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        println!(
            "{{\"lines\":{count},\"p50_us\":{},\"p99_us\":{},\"max_us\":{}}}",
            at(50),
            at(99),
            at(100)
        );
        Ok(())
    })
}
