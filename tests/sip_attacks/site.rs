//! A server with two people, and what must hold for it after every attack.

use tagus::entropy;
use tagus::http_digest::{Answer as Login, Challenge};

use crate::connection::Door;
use crate::phone::Phone;
use crate::raw::{Answer, Draft};
use crate::support::server::{DOMAIN, Server};

/// Both listeners of the web, where WebSockets begin.
const WEB: &str = "[web]\nlisten = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]\n";

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A server with alice and bob.
pub(crate) struct Site {
    pub(crate) server: Server,
}

impl Site {
    pub(crate) fn new(more: &str) -> Site {
        let web = if more.contains("[web]") { "" } else { WEB };
        let server = Server::start(&format!("{web}{more}"));
        for user in ["alice", "bob"] {
            server.add_user(user, PASSWORD);
        }
        Site { server }
    }

    /// Its listeners for streams of bytes.
    pub(crate) fn doors(&self) -> [Door; 2] {
        let server = &self.server;
        [Door::plain(server.tcp), Door::secure(server.tls, &server.authority())]
    }

    /// The same for WebSockets.
    pub(crate) fn websockets(&self) -> [Door; 2] {
        let secure = Door::secure(self.server.web("https://"), &self.server.authority());
        [Door::plain(self.server.web("http://")).framed(), secure.framed()]
    }

    /// All of them.
    pub(crate) fn all_doors(&self) -> Vec<Door> {
        self.doors().into_iter().chain(self.websockets()).collect()
    }

    /// A figure of `status --json`.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let status = self.server.run(&["status", "--json"], None).json();
        status["counters"][name]
            .as_u64()
            .or_else(|| status[name].as_u64())
            .unwrap_or_else(|| panic!("no {name} in {status}"))
    }

    /// The server answers, nothing in it has panicked, and so many contacts are bound.
    pub(crate) fn assert_calm(&self, bindings: u64) {
        let stranger = Phone::new(self.server.udp);
        assert_eq!(stranger.until_ping().len(), 0, "answers to nobody");
        assert_eq!(self.count("panics"), 0, "a thread panicked");
        assert_eq!(self.count("bindings"), bindings, "contacts are bound");
    }

    /// A challenge for this method, as anybody gets it.
    pub(crate) fn challenge(&self, method: &str, uri: &str, user: &str) -> Nonce {
        let phone = Phone::new(self.server.udp);
        let to = if method == "REGISTER" { format!("sip:{user}@{DOMAIN}") } else { uri.to_owned() };
        let answer = phone.ask(&Draft::new(method, uri, user, &to).bytes());
        Nonce::from(&answer)
    }

    /// A request of somebody that its credentials make good.
    pub(crate) fn signed(&self, draft: Draft, user: &str) -> Draft {
        let nonce = self.challenge(&draft.method, &draft.uri, user);
        let line = nonce.answer(&draft.method, &draft.uri, user, PASSWORD, 1);
        draft.with(line)
    }

    /// Sends a request of somebody, with credentials once they are asked for, and gives the final
    /// answer.
    pub(crate) fn ask(&self, phone: &Phone, draft: &Draft, user: &str) -> Answer {
        let first = phone.ask(&draft.bytes());
        if !matches!(first.status, 401 | 407) {
            return first;
        }
        let nonce = Nonce::from(&first);
        let line = nonce.answer(&draft.method, &draft.uri, user, PASSWORD, 1);
        phone.ask(&draft.anew().with(line).bytes())
    }

    /// A phone of somebody, registered at its own address.
    pub(crate) fn phone(&self, user: &str) -> Phone {
        let phone = Phone::new(self.server.udp);
        self.sign_in(&phone, user);
        phone
    }

    /// Registers a phone where it is.
    pub(crate) fn sign_in(&self, phone: &Phone, user: &str) {
        let contact = format!("Contact: <{}>", phone.contact(user));
        let answer = self.ask(phone, &register(user).with(contact), user);
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// REGISTER of a contact that would be carried out.
    pub(crate) fn register(&self, user: &str, contact: &str) -> Draft {
        self.signed(register(user).with(format!("Contact: <{contact}>")), user)
    }
}

/// Attacks a server of its own by UDP, TCP, TLS, WebSocket, and WebSocket over TLS.
pub(crate) fn by_every_transport(more: &str, attack: impl Fn(&Site, &Phone)) {
    for way in 0..5_usize {
        let site = Site::new(more);
        let phone = match way.checked_sub(1).and_then(|n| site.all_doors().into_iter().nth(n)) {
            Some(door) => Phone::on(&door),
            None => Phone::new(site.server.udp),
        };
        // Shown if it fails.
        eprintln!("by {}", phone.name());
        attack(&site, &phone);
    }
}

/// REGISTER without contacts or credentials.
pub(crate) fn register(user: &str) -> Draft {
    Draft::new("REGISTER", &format!("sip:{DOMAIN}"), user, &format!("sip:{user}@{DOMAIN}"))
}

/// The URI of somebody.
pub(crate) fn person(user: &str) -> String {
    format!("sip:{user}@{DOMAIN}")
}

/// MESSAGE from `from` to `to`.
pub(crate) fn message(from: &str, to: &str, body: &str) -> Draft {
    Draft::new("MESSAGE", &person(to), from, &person(to))
        .with("Content-Type: text/plain")
        .body(body)
}

/// A challenge that was received.
pub(crate) struct Nonce {
    value: String,
    reply: &'static str,
}

impl Nonce {
    pub(crate) fn from(answer: &Answer) -> Nonce {
        let (name, reply) = match answer.status {
            401 => ("WWW-Authenticate", "Authorization"),
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => panic!("no challenge: {}", answer.text),
        };
        Nonce { value: answer.header(name).expect("a challenge").to_owned(), reply }
    }

    /// Whether the challenge says that only the nonce was old.
    pub(crate) fn is_stale(&self) -> bool {
        self.value.contains("stale=true")
    }

    /// The header line that answers it.
    pub(crate) fn answer(
        &self,
        method: &str,
        uri: &str,
        user: &str,
        password: &str,
        count: u32,
    ) -> String {
        let challenge = Challenge::parse(self.value.as_bytes()).expect("a readable challenge");
        let ha1 = challenge.ha1(user, password);
        let cnonce = entropy::token(8);
        let login = Login { user, ha1: &ha1, method, uri, count, cnonce: &cnonce };
        let mut value = Vec::new();
        login.write(&challenge, &mut value);
        format!("{}: {}", self.reply, String::from_utf8(value).expect("text"))
    }
}
