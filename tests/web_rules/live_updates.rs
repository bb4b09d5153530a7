//! The stream that keeps the first page up to date (W41).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use crate::console::{Browser, owned};
use crate::http::{Site, read};

/// Streams that one session may have.
const MOST: usize = 6;

/// Asks for the stream with these header lines.
fn open(site: &Site, headers: &str) -> TcpStream {
    let mut socket = site.connect();
    let request = format!(
        "GET /admin/live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\
         Connection: close\r\n{headers}\r\n"
    );
    socket.write_all(request.as_bytes()).expect("a peer that reads");
    socket
}

fn status(mut socket: TcpStream) -> u16 {
    read(&mut socket, true).expect("an answer").status
}

/// Header lines of a page of ours in this browser.
fn ours(browser: &Browser<'_>) -> String {
    format!("Cookie: tagus={}\r\nSec-Fetch-Site: same-origin\r\n", browser.cookie)
}

#[test]
fn a_stream_is_for_our_pages_and_whoever_is_signed_in() {
    let site = owned();
    let browser = Browser::signed_in(&site, "ana");
    let cookie = format!("Cookie: tagus={}\r\n", browser.cookie);
    for (headers, expected) in [
        (String::new(), 401),
        ("Sec-Fetch-Site: same-origin\r\n".to_owned(), 401),
        (cookie.clone(), 403),
        (format!("{cookie}Sec-Fetch-Site: cross-site\r\n"), 403),
        (format!("{cookie}Sec-Fetch-Site: same-site\r\n"), 403),
        (format!("{cookie}Origin: http://evil.test\r\n"), 403),
        (ours(&browser), 200),
        (format!("{cookie}Origin: http://localhost\r\n"), 200),
    ] {
        assert_eq!(status(open(&site, &headers)), expected, "{headers}");
    }
    // Nobody gets it as a page.
    let mut browser = browser;
    assert_eq!(browser.get("/admin/live").status, 406);
}

#[test]
fn what_it_tells_is_the_live_part_of_the_page() {
    let site = owned();
    let mut browser = Browser::signed_in(&site, "ana");
    let page = browser.get("/admin").body;
    let mut lines = BufReader::new(open(&site, &ours(&browser))).lines();
    let mut told = String::new();
    // The header, then chunks, of which the first event is one.
    for line in lines.by_ref() {
        let line = line.expect("text");
        if let Some(data) = line.strip_prefix("data: ") {
            told.push_str(data);
        } else if !told.is_empty() && line.trim().is_empty() {
            break;
        }
    }
    for id in ["live-attention", "live-devices", "live-people", "live-messages", "live-held"] {
        let element = format!("id=\"{id}\"");
        assert!(told.contains(&element), "{id} in {told}");
        assert!(page.contains(&element), "{id} in the page");
    }
    for other in ["<script", "name=\"token\"", "<main"] {
        assert!(!told.contains(other), "{other}");
    }
}

#[test]
fn a_stream_ends_with_its_session_and_there_are_not_many_of_one() {
    let site = owned();
    let mut browser = Browser::signed_in(&site, "ana");
    let mut open_ones: Vec<TcpStream> = (0..MOST).map(|_| open(&site, &ours(&browser))).collect();
    for socket in &mut open_ones {
        assert_eq!(read(socket, true).expect("an answer").status, 200);
    }
    assert_eq!(status(open(&site, &ours(&browser))), 429);
    // Another session has its own.
    let other = Browser::signed_in(&site, "ana");
    assert_eq!(status(open(&site, &ours(&other))), 200);
    browser.get("/admin");
    assert_eq!(browser.post("/admin/sign-out", "").status, 303);
    for socket in open_ones {
        // The peer's patience bounds this.
        let mut last = String::new();
        for line in BufReader::new(socket).lines() {
            last = line.expect("an end in time");
        }
        assert_eq!(last, "", "the last chunk");
    }
    assert_eq!(status(open(&site, &ours(&browser))), 401);
}

#[test]
fn a_server_that_ends_waits_for_no_stream() {
    let mut site = owned();
    let cookie = Browser::signed_in(&site, "ana").cookie;
    let headers = format!("Cookie: tagus={cookie}\r\nSec-Fetch-Site: same-origin\r\n");
    let mut socket = open(&site, &headers);
    assert_eq!(read(&mut socket, true).expect("an answer").status, 200);
    let clock = tagus::clock::Clock::system();
    let began = clock.now();
    site.server.stop();
    let took = clock.now().since(began);
    assert!(took < std::time::Duration::from_millis(1_900), "{took:?}");
}
