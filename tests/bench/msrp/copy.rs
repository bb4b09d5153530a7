//! What a transfer is measured against: a file, read and written 64 KiB at a time, over one connection.
//! The receiver answers with one byte when it has written everything.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use tagus::clock::Clock;

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

fn take(stream: &mut (impl Read + Write), file: &str) -> std::io::Result<()> {
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    copy(stream, &mut File::create(file)?, u64::from_be_bytes(length))?;
    stream.write_all(b".")?;
    stream.flush()
}

fn give(stream: &mut (impl Read + Write), file: &str) -> std::io::Result<u64> {
    let mut from = File::open(file)?;
    let length = from.metadata()?.len();
    stream.write_all(&length.to_be_bytes())?;
    copy(&mut from, stream, length)?;
    stream.flush()?;
    stream.read_exact(&mut [0])?;
    Ok(length)
}

pub(crate) fn receive(file: &str, tls: Option<&str>) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let Some(directory) = tls else { return Ok(take(&mut stream, file)?) };
    let chain = CertificateDer::pem_file_iter(Path::new(directory).join("cert.pem"))?;
    let key = PrivateKeyDer::from_pem_file(Path::new(directory).join("key.pem"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>()?, key)?;
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config))?, stream);
    Ok(take(&mut stream, file)?)
}

pub(crate) fn send(port: &str, file: &str, tls: Option<&str>) -> Outcome {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse()?))?;
    stream.set_nodelay(true)?;
    let clock = Clock::system();
    let (length, began);
    if let Some(directory) = tls {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(Path::new(directory).join("cert.pem"))?)?;
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
        began = clock.now();
        length = give(&mut StreamOwned::new(session, stream), file)?;
    } else {
        began = clock.now();
        length = give(&mut stream, file)?;
    }
    let seconds = clock.now().since(began).as_secs_f64();
    println!("{{\"bytes\":{length},\"seconds\":{seconds:.6}}}");
    Ok(())
}
