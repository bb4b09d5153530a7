//! Who may send what where: one table, and what it does not allow is refused.

use crate::sip::method::Method;

/// Whom a request comes from, by its From.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Somebody of our domain.
    Ours,
    /// Somebody of another one.
    Foreign,
}

/// Whom a request is for, by its Request-URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiver {
    /// This server.
    Server,
    /// A name in our domain.
    Person,
    /// Anything else.
    Elsewhere,
}

/// What a sender has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing: the answer is the same to everybody, and tells nothing of anybody.
    Nothing,
    /// Credentials of the person in From, or the address of a trusted peer.
    Proof,
    /// Credentials, whatever the address: it changes what is stored here, and an address can be
    /// forged on a datagram.
    Credentials,
    /// The address of a trusted peer.
    Peer,
    /// Nothing helps: 403.
    Refused,
}

use Rule::{Credentials, Nothing, Peer, Proof, Refused};

/// One row for each method that differs, and the last for all others. Within a row the sender
/// ([`Sender::Ours`], [`Sender::Foreign`]), and for each the receiver ([`Receiver::Server`],
/// [`Receiver::Person`], [`Receiver::Elsewhere`]).
const TABLE: [(&[Method<'static>], [[Rule; 3]; 2]); 3] = [
    (&[Method::Register, Method::Subscribe], [[Credentials; 3], [Refused; 3]]),
    (&[Method::Publish], [[Nothing, Credentials, Credentials], [Nothing, Refused, Refused]]),
    (&[], [[Nothing, Proof, Proof], [Nothing, Peer, Peer]]),
];

/// The rule for a request. ACK and CANCEL have none: they belong to a request that had one, and
/// are never challenged (RFC 3261 s22.1); neither has what carries a token of ours in a dialog.
pub(super) fn rule(method: Method<'_>, sender: Sender, receiver: Receiver) -> Rule {
    let [known @ .., (_, others)] = &TABLE;
    let row = known.iter().find(|(methods, _)| methods.contains(&method));
    let row = row.map_or(others, |(_, row)| row);
    let row = match sender {
        Sender::Ours => &row[0],
        Sender::Foreign => &row[1],
    };
    match receiver {
        Receiver::Server => row[0],
        Receiver::Person => row[1],
        Receiver::Elsewhere => row[2],
    }
}
