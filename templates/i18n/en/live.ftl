# What several pages about the present share
nav-messaging = Messaging
search = Search
show-all = Show all
and-more = { $count ->
    [one] and { $count } more
   *[other] and { $count } more
}
span-seconds = { $count } s
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
device-anonymous = A device without a name

# Registrations
registrations-title = Registrations
registrations-search = Find a registration
registrations-search-hint = A person, an address, or what the device calls itself.
registrations-total = { $count ->
    [one] { $count } registration
   *[other] { $count } registrations
}
registrations-none = Nobody is registered now. As soon as somebody signs in on a device, it is listed here.
registrations-none-found = No registration matches.
registration-person = Person
registration-device = Device
registration-address = Address
registration-agent = Program
registration-since = Since
registration-left = Ends in
registration-bound = ends with its connection
registration-flow = connection of its own, flow { $flow }
registration-path = through
registration-end = End
registration-end-note = A registration that is ended can come back with the device's next attempt. To keep a device out, revoke it; to keep a person out, disable the account.
registration-ended = The registration has ended.

# Message queue
queue-title = Message queue
queue-about = Messages for people whose devices were away. They are delivered as soon as a device registers, and deleted when they expire. Their text is never shown.
queue-search = Find a person
queue-search-hint = A part of the name or of the user name.
queue-total = { $messages ->
    [one] { $messages } message
   *[other] { $messages } messages
} for { $people ->
    [one] { $people } person
   *[other] { $people } people
}, those who wait longest first
queue-none = No messages are waiting: everything has been delivered.
queue-none-found = No messages are waiting for anybody of that name.
queue-person = Person
queue-count = Messages
queue-oldest = Oldest
queue-first-expiry = Next to expire
queue-size = Size
queue-here = Devices
queue-is-here = Registered
queue-is-away = Away
queue-back = Message queue
queue-of-title = Waiting for
queue-of-summary = { $count ->
    [one] { $count } message
   *[other] { $count } messages
}, { $size }.
queue-of-none = No message waits for this person.
queue-to-person = To the person
held-sender = From
held-received = Received
held-expires = Expires
held-tries = Attempts
held-devices = Waits for
held-notification = Delivery receipt
held-anybody = the next new device
held-being-sent = Being sent
held-partly = Some devices have it
held-waiting = No device has it
held-deliver = Deliver now
held-offered = The messages were offered to the devices that are registered. Load the page again to see what is left.
held-nobody-here = No device of this person is registered. The messages go out as soon as one is.
held-drop = Delete
held-drop-detail = The message is deleted for all devices. This cannot be undone.
held-drop-confirm = Delete the message
held-drop-all = Delete all messages
held-drop-all-detail = Everything that waits for this person is deleted. Senders who asked to know are told that their messages did not arrive. This cannot be undone.
held-drop-all-label = Type { $user } to confirm
held-drop-all-name = Type the user name exactly as it is shown.
held-dropped = Deleted.
held-tries-note = Attempts are counted since the server started.

# Bans and limits
bans-title = Bans and limits
bans-about = Failures to sign in are counted per person and address first, so that many people behind one campus address do not lock each other out. An address as a whole is banned only after many more failures, and whoever has signed in from there before still gets in.
bans-now = Bans in force
bans-total = { $count ->
    [one] { $count } ban
   *[other] { $count } bans
}
bans-none = Nobody is banned.
bans-lift-all = Lift all bans
bans-lift-all-detail = Everybody may try again at once, including whoever was guessing passwords.
bans-lifted = Lifted: they may try again at once.
bans-no-source = Say which ban is to be lifted.
bans-not-confirmed = Confirm that all bans are to be lifted.
ban-source = Address
ban-account = Person
ban-until = Until
ban-lift = Lift
ban-everybody = Everybody who never signed in from there
failing = Close to a ban
failing-none = Nobody has mistyped a password lately.
failing-failures = Failures
failing-count = { $count } of { $most }
bounds = Limits in force
bounds-about = Each limit is a setting, found in the settings by the key shown here.
bound-meaning = Limit
bound-value = Value
bound-key = Key
bound-failures-pair = Failures of one person from one address before a ban
bound-failures-source = Failures from one address before it is banned as a whole
bound-failure-window = Time in which failures are counted
bound-ban-time = How long a ban lasts
bound-source-rate = Requests per second from one address before anybody signed in
bound-source-burst = Requests at once from one address
bound-message-rate = Messages per second of one person
bound-message-burst = Messages at once of one person
bound-connections-source = Connections from one address that nobody signed in on
bound-connections-strangers = Connections in all that nobody signed in on
bound-connections-total = Connections in all
bound-subscriptions = Subscriptions of one person
bound-watchers = Watchers of one person
bound-contacts = Registrations of one person
bound-held = Messages that wait for one person
bound-held-sender = Messages of one sender that wait for one person (0: a fifth of them)
bound-retention = How long a message waits
bound-console-idle = How long a session of this console lasts without a request
