//! What transfers are measured against: a file, read and written 64 KiB at a time, so many times over one
//! connection, each time into a new file. The receiver answers with one byte when it has written all
//! of it; only then the next begins.

use std::error::Error;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use crate::times::Times;

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

const STEP: usize = 64 * 1_024;

fn copy(from: &mut impl Read, to: &mut impl Write, most: u64) -> std::io::Result<u64> {
    let (mut buffer, mut copied) = (vec![0; STEP], 0);
    while copied < most {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        to.write_all(&buffer[..count])?;
        copied += count as u64;
    }
    Ok(copied)
}

/// Takes files until the far end goes; `directory/copied1` is the first.
fn take(stream: &mut (impl Read + Write), directory: &str) -> std::io::Result<()> {
    for number in 1.. {
        let mut length = [0; 8];
        match stream.read_exact(&mut length) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            outcome => outcome?,
        }
        let mut file = File::create(Path::new(directory).join(format!("copied{number}")))?;
        copy(stream, &mut file, u64::from_be_bytes(length))?;
        stream.write_all(b".")?;
        stream.flush()?;
    }
    Ok(())
}

fn give(stream: &mut (impl Read + Write), file: &str) -> std::io::Result<()> {
    let mut from = File::open(file)?;
    let length = from.metadata()?.len();
    stream.write_all(&length.to_be_bytes())?;
    copy(&mut from, stream, length)?;
    stream.flush()?;
    stream.read_exact(&mut [0])
}

fn give_all(
    stream: &mut (impl Read + Write),
    file: &str,
    times: &mut Times,
) -> std::io::Result<()> {
    while times.go_on() {
        let began = times.clock.now();
        give(stream, file)?;
        times.note(began);
    }
    Ok(())
}

pub(crate) fn receive(directory: &str, secure: bool) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    if !secure {
        return Ok(take(&mut stream, directory)?);
    }
    let chain = CertificateDer::pem_file_iter(Path::new(directory).join("cert.pem"))?;
    let key = PrivateKeyDer::from_pem_file(Path::new(directory).join("key.pem"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>()?, key)?;
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config))?, stream);
    Ok(take(&mut stream, directory)?)
}

pub(crate) fn send(port: &str, file: &str, secure: bool, count: &str) -> Outcome {
    let mut times = Times::new(count)?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse()?))?;
    stream.set_nodelay(true)?;
    if secure {
        let directory = Path::new(file).parent().unwrap_or(Path::new("."));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(directory.join("cert.pem"))?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost")?;
        let mut session = ClientConnection::new(Arc::new(config), name)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        let mut stream = StreamOwned::new(session, stream);
        give_all(&mut stream, file, &mut times)?;
        stream.conn.send_close_notify();
        stream.flush()?;
    } else {
        give_all(&mut stream, file, &mut times)?;
    }
    println!("{{{}}}", times.json());
    Ok(())
}
