/* tagus_msrp.h: MSRP (RFC 4975), its relays (RFC 4976) and TLS for programs in C.
 *
 * Made from src/msrp/ffi by `WRITE_HEADER=1 cargo test --features ffi-header --test msrp_ffi header`;
 * not to be changed by hand. packaging/examples shows a chat in C and one in Python.
 *
 * The rules:
 *
 * - Texts are UTF-8 and end with a NUL. The library copies what it keeps.
 * - Peers, sessions and messages are numbers. One that is wrong, or over, makes a call fail; it does
 *   no harm. Numbers are not used again within a process.
 * - Any thread may call anything at any time. A peer has threads of its own and calls nobody back:
 *   what happens is taken with tagus_msrp_next_event, by one thread or several.
 * - Events of one session are in order. While nobody takes any, the connections of the peer wait, and
 *   so do those at their far ends; nothing grows.
 * - Events belong to who took them, until tagus_msrp_event_free; what was read of them lives as long.
 * - A message that wants to come has to be accepted or denied within 5 s, or it is denied with 413.
 * - A process that forks has to do so before it makes a peer.
 */

#ifndef TAGUS_MSRP_H
#define TAGUS_MSRP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 A length that nobody knows.
 */
#define TAGUS_MSRP_UNKNOWN UINT64_MAX

/*
 What an event tells.
 */
typedef enum TagusMsrpKind {
  /*
   No event: what is asked of NULL.
   */
  TAGUS_MSRP_KIND_NONE = 0,
  /*
   `session` can be connected or waited for. `text`: our path, which the peer has to be told;
   `fingerprint`: of our certificate, if there is one.
   */
  TAGUS_MSRP_KIND_OFFERED = 1,
  /*
   `session` is open.
   */
  TAGUS_MSRP_KIND_OPENED = 2,
  /*
   `session` could not be opened, and is over. `text`: why; `code`: the peer's, or 0.
   */
  TAGUS_MSRP_KIND_NOT_OPENED = 3,
  /*
   A short message came in `session`: `data`, `content_type`, `message_id`, `disposition`.
   */
  TAGUS_MSRP_KIND_MESSAGE = 4,
  /*
   A message wants to come in `session`: `message`, `total`, `content_type`, `message_id`,
   `disposition`. To be accepted or denied within 5 s.
   */
  TAGUS_MSRP_KIND_INCOMING = 5,
  /*
   All of an accepted `message` is there: `total`, and `data` if it went to memory. It is over.
   */
  TAGUS_MSRP_KIND_RECEIVED = 6,
  /*
   A `message` did not come whole, and is over: `cause`, `bytes`, `text`, and `state` if it can be
   gone on with. Of a short one, `message` is 0, and `message_id` says which.
   */
  TAGUS_MSRP_KIND_NOT_RECEIVED = 7,
  /*
   So many `bytes` of an outgoing `message` of `total` have gone.
   */
  TAGUS_MSRP_KIND_PROGRESS = 8,
  /*
   The last byte of `message` has gone.
   */
  TAGUS_MSRP_KIND_SENT = 9,
  /*
   Every chunk of `message` was answered with 200: the next hop has it.
   */
  TAGUS_MSRP_KIND_ANSWERED = 10,
  /*
   The peer confirms so many `bytes` of `message`; `whole`: all of it.
   */
  TAGUS_MSRP_KIND_REPORTED = 11,
  /*
   Nothing more of `message` is sent: `cause`, `code`, `text`, and `state` if it can be gone on
   with.
   */
  TAGUS_MSRP_KIND_NOT_SENT = 12,
  /*
   Nothing more will be told of the outgoing `message`; it is over.
   */
  TAGUS_MSRP_KIND_SEND_OVER = 13,
  /*
   The peer of `session` says that it is there.
   */
  TAGUS_MSRP_KIND_ALIVE = 14,
  /*
   `session` is of no further use; new paths have to be agreed on. `code` says why.
   */
  TAGUS_MSRP_KIND_SESSION_FAILED = 15,
  /*
   `session` is over.
   */
  TAGUS_MSRP_KIND_CLOSED = 16,
} TagusMsrpKind;

/*
 Why a message did not get to its end.
 */
typedef enum TagusMsrpCause {
  /*
   It did, or is still on its way.
   */
  TAGUS_MSRP_CAUSE_NONE = 0,
  /*
   The far end, or a relay, answered `code`.
   */
  TAGUS_MSRP_CAUSE_REFUSED = 1,
  /*
   Nobody answered within 30 s.
   */
  TAGUS_MSRP_CAUSE_TIMEOUT = 2,
  /*
   This side gave it up.
   */
  TAGUS_MSRP_CAUSE_ABORTED_BY_US = 3,
  /*
   The peer gave it up.
   */
  TAGUS_MSRP_CAUSE_ABORTED_BY_PEER = 4,
  /*
   The connection ended.
   */
  TAGUS_MSRP_CAUSE_LOST = 5,
  /*
   The connection ended before the report that was asked for came.
   */
  TAGUS_MSRP_CAUSE_UNREPORTED = 6,
  /*
   The file or the memory cannot be read, or takes no more.
   */
  TAGUS_MSRP_CAUSE_STORAGE = 7,
  /*
   The session does not take it.
   */
  TAGUS_MSRP_CAUSE_NOT_TAKEN = 8,
} TagusMsrpCause;

/*
 What a call comes to. `tagus_msrp_last_error` says more.
 */
typedef enum TagusMsrpCode {
  /*
   Done.
   */
  TAGUS_MSRP_CODE_OK = 0,
  /*
   An address that has to be given is NULL.
   */
  TAGUS_MSRP_CODE_NULL = 1,
  /*
   A text is not UTF-8, or has no meaning where it stands.
   */
  TAGUS_MSRP_CODE_MALFORMED = 2,
  /*
   There is no such peer, session or message, or it is not in a state for this.
   */
  TAGUS_MSRP_CODE_HANDLE = 3,
  /*
   A file, an address or a certificate is of no use.
   */
  TAGUS_MSRP_CODE_IO = 4,
  /*
   The peer has as many sessions and messages as it may.
   */
  TAGUS_MSRP_CODE_FULL = 5,
  /*
   Nothing happened in the time that was given.
   */
  TAGUS_MSRP_CODE_TIMEOUT = 6,
  /*
   The peer was freed by another thread.
   */
  TAGUS_MSRP_CODE_STOPPED = 7,
  /*
   A defect of the library. The peer can be used further.
   */
  TAGUS_MSRP_CODE_DEFECT = 8,
} TagusMsrpCode;

/*
 An event. Belongs to whoever took it, and is read by `tagus_msrp_event_...`, until
 `tagus_msrp_event_free`.
 */
typedef struct TagusMsrpEvent TagusMsrpEvent;

/*
 The number of a peer: listeners, connections, sessions, and the threads that serve them.
 */
typedef uint64_t TagusMsrpPeer;

/*
 The number of a session, within its peer. 0 is none.
 */
typedef uint64_t TagusMsrpSession;

/*
 How a message is sent. All zero, as NULL does, is a plain message.
 */
typedef struct TagusMsrpHow {
  /*
   Other than 0: asks the peer to confirm what it has.
   */
  uint32_t report;
  /*
   0 normal, 1 before others (a line of chat), 2 after others (a file).
   */
  uint32_t priority;
  /*
   Tells the progress each so many bytes; 0: not by bytes.
   */
  uint64_t progress_bytes;
  /*
   Tells the progress each so many percent, up to 100; 0: not by percent.
   */
  uint32_t progress_percent;
  /*
   The Content-Disposition, as `attachment; filename="notes.txt"`; NULL for none.
   */
  const char *disposition;
} TagusMsrpHow;

/*
 The number of a message, within its peer. 0 is none.
 */
typedef uint64_t TagusMsrpMessage;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Says why the last call of this thread that failed did, in English. Stays readable until the next
 failure in this thread. Never NULL.
 */
const char *tagus_msrp_last_error(void);

/*
 What the event tells.
 */
enum TagusMsrpKind tagus_msrp_event_kind(const struct TagusMsrpEvent *event);

/*
 Why a message did not get to its end.
 */
enum TagusMsrpCause tagus_msrp_event_cause(const struct TagusMsrpEvent *event);

/*
 The session that it happened in; 0 for none.
 */
uint64_t tagus_msrp_event_session(const struct TagusMsrpEvent *event);

/*
 The message that it happened to; 0 for none.
 */
uint64_t tagus_msrp_event_message(const struct TagusMsrpEvent *event);

/*
 The status code of the far end (RFC 4975 s10), or 0.
 */
uint16_t tagus_msrp_event_code(const struct TagusMsrpEvent *event);

/*
 How many bytes the event is about.
 */
uint64_t tagus_msrp_event_bytes(const struct TagusMsrpEvent *event);

/*
 The length of the message in bytes, or `TAGUS_MSRP_UNKNOWN`.
 */
uint64_t tagus_msrp_event_total(const struct TagusMsrpEvent *event);

/*
 Whether the peer has confirmed all of the message.
 */
bool tagus_msrp_event_whole(const struct TagusMsrpEvent *event);

/*
 The bytes of a message; their number is `tagus_msrp_event_data_length`. They live as long as the
 event, and no NUL follows them. NULL for none.
 */
const uint8_t *tagus_msrp_event_data(const struct TagusMsrpEvent *event);

/*
 How many bytes `tagus_msrp_event_data` leads to.
 */
size_t tagus_msrp_event_data_length(const struct TagusMsrpEvent *event);

/*
 A path, or a reason in English; NULL for none. Lives as long as the event, as the other texts do.
 */
const char *tagus_msrp_event_text(const struct TagusMsrpEvent *event);

/*
 The media type of a message, with parameters; NULL for none.
 */
const char *tagus_msrp_event_content_type(const struct TagusMsrpEvent *event);

/*
 The Message-ID; NULL for none.
 */
const char *tagus_msrp_event_message_id(const struct TagusMsrpEvent *event);

/*
 The Content-Disposition of a message, where a file's name stands; NULL for none. It is what the
 peer wrote: no name of a file to be used as it is.
 */
const char *tagus_msrp_event_disposition(const struct TagusMsrpEvent *event);

/*
 What has to be kept of a message to go on with it in another session, also after a restart; NULL
 if it cannot be.
 */
const char *tagus_msrp_event_state(const struct TagusMsrpEvent *event);

/*
 The SHA-256 fingerprint of our certificate, as `a=fingerprint` has it; NULL for none.
 */
const char *tagus_msrp_event_fingerprint(const struct TagusMsrpEvent *event);

/*
 Frees an event and what was read of it. NULL is left alone.
 */
void tagus_msrp_event_free(struct TagusMsrpEvent *event);

/*
 The version of the library, as text that stays.
 */
const char *tagus_msrp_version(void);

/*
 Makes a peer. `host` is the name or address at which others reach it, and stands in its paths.
 `certificate` and `key` name PEM files, or are both NULL. `trust` says whom to believe over TLS:
 NULL who has an announced fingerprint only, `system` whom this machine trusts, `anybody`, or the
 name of a PEM file with authorities.

 # Safety
 Texts end with a NUL and stay as they are during the call.
 */
enum TagusMsrpCode tagus_msrp_peer_new(const char *host,
                                       const char *certificate,
                                       const char *key,
                                       const char *trust,
                                       TagusMsrpPeer *peer);

/*
 Ends a peer with all of its sessions; what is under way is lost. Other threads may be in calls for
 it: those return `TAGUS_MSRP_CODE_STOPPED`. Events that were taken can still be read.
 */
enum TagusMsrpCode tagus_msrp_peer_free(TagusMsrpPeer peer);

/*
 Listens at `address`, as `127.0.0.1:2855` or `[::]:0`; `tls` other than 0: over TLS. `port`, unless
 NULL, gets the port that it became.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_listen(TagusMsrpPeer peer,
                                     const char *address,
                                     uint32_t tls,
                                     uint16_t *port);

/*
 Begins a session: `TAGUS_MSRP_KIND_OFFERED` tells its path. `tls` other than 0: over TLS.
 */
enum TagusMsrpCode tagus_msrp_offer(TagusMsrpPeer peer, uint32_t tls, TagusMsrpSession *session);

/*
 Begins a session behind relays, the nearest first in `relays`, as `msrps://relay.example:2855;tcp`:
 signs in, and then tells the path, or `TAGUS_MSRP_KIND_NOT_OPENED`. `allow_plain` other than 0:
 takes relays without TLS.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_offer_through(TagusMsrpPeer peer,
                                            const char *relays,
                                            const char *user,
                                            const char *password,
                                            uint32_t allow_plain,
                                            TagusMsrpSession *session);

/*
 Connects a session that was offered to the peer at `path`. `fingerprints`, unless NULL, are those
 that the peer's certificate may have, with commas between. `TAGUS_MSRP_KIND_OPENED` or
 `TAGUS_MSRP_KIND_NOT_OPENED` follows.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_connect(TagusMsrpPeer peer,
                                      TagusMsrpSession session,
                                      const char *path,
                                      const char *fingerprints);

/*
 Waits for the peer of a session that was offered. `path`: only for the one at this path; NULL for
 whoever names ours. The rest is as for `tagus_msrp_connect`.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_wait(TagusMsrpPeer peer,
                                   TagusMsrpSession session,
                                   const char *path,
                                   const char *fingerprints);

/*
 Sends plain text. `how` and `message` may be NULL. As with all messages, events tell what becomes
 of it, up to `TAGUS_MSRP_KIND_SEND_OVER`; and while so much is queued that the connection takes no
 more, the call waits.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_send_text(TagusMsrpPeer peer,
                                        TagusMsrpSession session,
                                        const char *text,
                                        const struct TagusMsrpHow *how,
                                        TagusMsrpMessage *message);

/*
 Sends bytes of a media type.

 # Safety
 As for `tagus_msrp_peer_new`; `data` leads to `length` bytes.
 */
enum TagusMsrpCode tagus_msrp_send_bytes(TagusMsrpPeer peer,
                                         TagusMsrpSession session,
                                         const char *content_type,
                                         const uint8_t *data,
                                         size_t length,
                                         const struct TagusMsrpHow *how,
                                         TagusMsrpMessage *message);

/*
 Sends the file at `file`. `state`, unless NULL, is what an event told of a message that was cut
 off: the same file goes on from there.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_send_file(TagusMsrpPeer peer,
                                        TagusMsrpSession session,
                                        const char *content_type,
                                        const char *file,
                                        const char *state,
                                        const struct TagusMsrpHow *how,
                                        TagusMsrpMessage *message);

/*
 Takes a message that wants to come into a new file. A file that exists is not touched: the call
 fails, and the message can still be accepted.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_accept_file(TagusMsrpPeer peer,
                                          TagusMsrpMessage message,
                                          const char *file);

/*
 Takes a message that wants to come into memory, up to `most` bytes.
 */
enum TagusMsrpCode tagus_msrp_accept_memory(TagusMsrpPeer peer,
                                            TagusMsrpMessage message,
                                            uint64_t most);

/*
 Refuses a message that wants to come: 413 has its sender stop, 415 is for its type, 403 else.
 */
enum TagusMsrpCode tagus_msrp_deny(TagusMsrpPeer peer, TagusMsrpMessage message, uint16_t code);

/*
 Takes the rest of a message that was cut off, by the `state` that an event told, into the file that
 has what came before.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_expect_file(TagusMsrpPeer peer,
                                          TagusMsrpSession session,
                                          const char *state,
                                          const char *file,
                                          TagusMsrpMessage *message);

/*
 Gives a message up, whichever way it goes: the peer is told, and an event follows.
 */
enum TagusMsrpCode tagus_msrp_abort(TagusMsrpPeer peer, TagusMsrpMessage message);

/*
 How many bytes of a message that was accepted have come so far.
 */
enum TagusMsrpCode tagus_msrp_received(TagusMsrpPeer peer,
                                       TagusMsrpMessage message,
                                       uint64_t *received);

/*
 Ends a session; what is under way in it fails. `TAGUS_MSRP_KIND_CLOSED` follows, or
 `TAGUS_MSRP_KIND_NOT_OPENED`; nothing when it was only offered.
 */
enum TagusMsrpCode tagus_msrp_close(TagusMsrpPeer peer, TagusMsrpSession session);

/*
 Takes the next event. Waits up to `timeout_ms` milliseconds; below 0, for any time.
 `TAGUS_MSRP_CODE_TIMEOUT`: nothing happened. On any failure, `event` becomes NULL.
 */
enum TagusMsrpCode tagus_msrp_next_event(TagusMsrpPeer peer,
                                         int64_t timeout_ms,
                                         struct TagusMsrpEvent **event);

/*
 The value of `a=setup` in an offer of ours, as text that stays; `reachable` other than 0: peers can
 connect to us.
 */
const char *tagus_msrp_setup_offer(uint32_t reachable);

/*
 The value of `a=setup` in our answer to an offer with the value `offered`, or without one: NULL.
 With `active` we connect, with `passive` we wait. `answer` becomes NULL when neither side can be
 reached, and only a relay helps.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_setup_answer(const char *offered,
                                           uint32_t reachable,
                                           const char **answer);

/*
 Whether we connect, who made the offer, when the answer has the value `answered`, or none: NULL.
 `connects` becomes false when we wait.

 # Safety
 As for `tagus_msrp_peer_new`.
 */
enum TagusMsrpCode tagus_msrp_setup_connects(const char *answered, bool *connects);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TAGUS_MSRP_H */
