# Dashboard
attention = Needs attention
now = Now
checklist = Finish setting up
checklist-done = Done:
checklist-open = To do:
listening = Where it answers
service = Service
address = Address
tile-devices = Registered devices
tile-people = People online
tile-held = Messages waiting
tile-directory = Directory
tile-certificate = Certificate
tile-store = Storage
watching-count = { $count ->
    [one] { $count } subscription
   *[other] { $count } subscriptions
}
held-note = for people who are away
directory-off = none
directory-off-note = local accounts only
directory-up = up
directory-degraded = degraded
directory-down = down
certificate-internal = own authority
certificate-files = from files
certificate-acme = ACME
certificate-none = none
store-ok = ok
store-read-only = read-only
store-failed = failed
attention-directory = The directory does not answer as it should: { $detail }
attention-certificate = The certificate: { $detail }
attention-store = The storage takes no changes: { $detail }
attention-space = The volume is nearly full.
attention-memory = Memory is short: new people are not served until it is better.
attention-md5 = { $count ->
    [one] One account came with an MD5 hash alone, so nothing stronger is offered to anybody. Give it a new password.
   *[other] { $count } accounts came with MD5 hashes alone, so nothing stronger is offered to anybody. Give them new passwords.
}
attention-no-code = Your account has no second factor.
check-certificate = Certificate.
check-certificate-done = It comes from the files or the authority that you chose.
check-certificate-open = It comes from an authority of this server's own: devices must be told to trust it. Install one of yours, or have one fetched from an ACME authority.
check-people = People.
check-people-done = There are people who can sign in.
check-people-open = Nobody can sign in yet. Add people, import a list, or connect the directory.
check-directory = Directory.
check-directory-done = It is connected.
check-directory-open = None is connected; accounts are local. If your campus has an LDAP directory, try its settings here before they are used.
check-owner = Second owner.
check-owner-done = There is more than one owner.
check-owner-open = Only one owner can sign in. If that person is away, only “tagus setup-link” on the server opens the console.
check-code = Second factor.
check-code-done = Your account has one.
check-code-open = Your account signs in by password alone.
check-code-link = Set it up
version-line = Tagus { $version }, running for { $hours ->
    [0] less than an hour
    [one] an hour
   *[other] { $hours } hours
}, with { $workers ->
    [one] one worker thread
   *[other] { $workers } worker threads
}
attention-none = Nothing needs attention.
attention-people-held = { $count ->
    [one] The directory no longer lists a person who was there. Nobody was put out: decide about it.
   *[other] The directory no longer lists { $count } people who were there. Nobody was put out: decide about them.
}
attention-slow-directory = The directory answers slowly: 5 % of the answers take longer than half a second.
attention-slow-delivery = Messages arrive slowly: 5 % of them take longer than a second.
attention-slow-disk = The disk is slow: 5 % of the writes take longer than a quarter of a second.
to-charts = See the charts
to-directory = Open the directory
to-decide = Decide
to-certificates = Open the certificates
to-people = Open the list of people
past = The last 24 hours
past-hours = The last 2 hours
past-more = More charts
live-off = These figures are not live at the moment. Reload the page to see new ones.
tile-messages = Messages a minute
messages-within = 95 % arrive within { $time }
messages-none = none in the last minute
tile-people-count = { $count ->
    [one] of { $count } account
   *[other] of { $count } accounts
}
directory-hits = { $share } % answered from memory
tile-certificate-days = { $count ->
    [one] { $count } day left
   *[other] { $count } days left
}
certificate-ends-now = less than a day
store-within = 95 % of writes within { $time }
check-dns = DNS.
check-dns-done = Clients find this server by its domain.
check-dns-open = Clients find this server by its domain alone once these records are there.
to-dns = See the records
messages-indirect = none of them straight to a device
certificate-far = over 3 years
to-team = Add an owner
