# A person
person-title = Person
person-profile = Profile
person-edit = Change details, password or access
profile-user = User name
profile-address = Address
profile-name = Name
profile-mail = Mail
profile-number = Telephone
profile-groups = Groups
profile-groups-note = the directory's groups among them
person-role = In this console
person-role-by-group = by a group of the directory
person-directory-id = Identifier in the directory
person-created = Known here since
person-from-attribute = from the directory, attribute { $attribute }
person-from-here = entered here
profile-active = Active
profile-disabled = Disabled
profile-locked-there = Locked in the directory
profile-absent = No longer in the directory
person-online = { $count ->
    [one] Online with { $count } registration
   *[other] Online with { $count } registrations
}
person-offline = Offline
profile-local = Local account
profile-of-directory = From the directory
profile-held-in = Waits for a decision
profile-disabled-detail = An administrator has disabled this account: nobody can sign in with it.
profile-locked-there-detail = The directory has locked this person. Unlock the person there; it is noticed at the next reading.
profile-absent-detail = The directory has not listed this person since { $since }. Whoever comes back there is let in again.
profile-held-in-detail = The directory no longer lists this person, or has locked the person, together with many others. The person stays in until an administrator decides.
person-test = Send a test message
person-log-out = Sign out everywhere
person-log-out-detail = All registrations and subscriptions of this person end now. The devices keep their passwords and may sign in again by themselves; to keep one out, revoke it.
person-logged-out = All registrations and subscriptions have ended.
person-trail = What was done to this person
person-mutes = Notices
person-mutes-detail = This person does not want to hear from these applications; what they send is not delivered.
person-mute-since = since { $date }

# Devices
devices = Devices
devices-none = This person has no device password. With one, a telephone signs in without the person's own password, and can be revoked alone.
devices-revoked = { $count ->
    [one] { $count } revoked device
   *[other] { $count } revoked devices
}
device-label = Name of the device
device-label-hint = As the person calls it: telephone, office computer.
device-label-missing = Give the device a name.
device-label-long = This name is too long.
device-too-many = This person has as many devices as one may have. Revoke one first.
device-directory = The directory does not answer, and only it knows this person. Try again later.
device-made = Made
device-made-on = made { $date }
device-used = Last used
device-never = never
device-now = Now
device-registered = Registered
device-away = Away
device-md5 = For old telephones only
device-md5-hint = Offer MD5 alone, for devices that cannot sign in otherwise.
device-add = Add a device
device-add-detail = Makes a password for one device. It is shown once.
device-revoke = Revoke
device-revoke-detail = The device is signed out now, and its password stops working.
device-revoked = The device was revoked, and its registrations have ended.

# A new device
new-device-title = A device was added
new-device-once = The password is shown this once.
new-device-how = Type these values into the device, or hand them over on paper.
new-device-domain = Domain
new-device-password = Password
new-device-proxies = Server (proxy)
new-device-proxies-detail = Many devices find the server by the domain alone. Where one does not, use the first of these that it can do.
new-device-transport = Transport
new-device-proxy = Address
new-device-when = When
new-device-written-down = I have it: back to the person
proxy-tls = Encrypted. Use this wherever it works.
proxy-tcp = Not encrypted; for devices that cannot do TLS.
proxy-udp = Not encrypted; for old telephones.
proxy-wss = Encrypted, for programs in a browser.

# Now
person-registrations = Registered now
person-registrations-none = No device of this person is registered.
person-presence = Presence
presence-open = Reachable
presence-closed = Not reachable
published = Published by each device
published-state = State
published-says = Says
published-changed = Changed
watchers = Who watches
watchers-none = Nobody watches this person now.
watcher = Watcher
watcher-status = Status
watcher-active = Sees this person
watcher-pending = Waits for this person's answer
watcher-waiting = Has asked, and is away
rules = Who may watch
rules-default-allow = Unless a rule says otherwise, everybody may watch this person.
rules-default-confirm = Unless a rule says otherwise, whoever wants to watch waits for this person's answer.
rules-default-block = Unless a rule says otherwise, nobody may watch this person.
rules-unreadable = One document of rules cannot be read; it grants nothing.
rule-allow = { $whom }: may watch.
rule-confirm = { $whom }: must wait for this person's answer.
rule-polite = { $whom }: always sees this person as offline.
rule-block = { $whom }: may not watch.
rule-everybody = everybody
rule-nobody = nobody
rule-domain = everybody of { $domain }
rule-lists = people on the lists it names
rule-others = whoever no other rule names
rule-strangers = whoever does not say who they are
rule-limited = It holds only at some times, in some places or with exceptions.
profile-held-title = Waiting messages
profile-held-none = No message waits for this person.
profile-held = { $count ->
    [one] { $count } message waits ({ $size }), received { $oldest }.
   *[other] { $count } messages wait ({ $size }), the oldest since { $oldest }.
}
profile-held-open = Show the queue
failures = Failures to sign in
failures-none = Nobody has failed to sign in with this name since the server started.
failures-note = The last ones since the server started, the newest first.
failure-at = When
failure-reason = Why
failure-source = From
failure-times = Times
failure-password = Wrong password
failure-unknown = Nobody had this name
failure-locked = The account was locked
failure-banned = Too many failures before: the password was not looked at
failure-another-name = The device said to be somebody else

# A test message
trial-title = Test message
trial-delivered = The message has arrived.
trial-held = No device has taken it yet. It is held for a day and delivered as soon as a device takes it.
trial-away = This person has no device to send it to now. It is held for a day and delivered as soon as a device registers.
trial-refused = The devices refused it ({ $status }).
trial-full = It could not be held: too many messages wait for this person.
trial-not-sent = It could not be sent: the server is busy, or its storage takes nothing.
trial-devices = What each device said
trial-answer = Answer
trial-later = Gets it later
trial-back = Back to the person
tried-took = Took it ({ $status })
tried-asks = Asks for a password of its own ({ $status }): check its settings
tried-unknown = Does not know this person ({ $status }): its registration is out of date
tried-cannot = Cannot take text messages ({ $status })
tried-not-now = Does not want it now ({ $status })
tried-too-large = Too large for its connection
tried-refused = Refused it ({ $status })
tried-unreachable = Could not be reached
tried-silent = Has not answered yet
