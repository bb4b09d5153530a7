# The frame
skip = Skip to the content
menu = Menu
preferences = Language and appearance
language = Language
theme = Appearance
theme-auto = As my device
theme-light = Light
theme-dark = Dark
signed-in-as = Signed in as { $name }
sign-out = Sign out
go-back = Back to the start
faults = This was not taken:
role-owner = Owner
role-admin = Administrator
role-helpdesk = Helpdesk
role-readonly = Read-only

# Errors
error-not-found = There is no such page
error-not-found-detail = The address may be mistyped, or the page is gone.
error-no-owner = Nobody owns this server yet
error-no-owner-detail = The console opens with a set-up link. Run “tagus setup-link” on the server: it prints one that serves for 30 minutes.
error-signed-out = You are signed out
error-signed-out-detail = Sign in again; what you sent was not carried out.
error-forbidden = This is not permitted
error-forbidden-detail = Your role does not allow it, or the form is too old. Load its page again and try once more.
error-too-many = Too many attempts
error-too-many-detail = Wait a little, then try again.
error-name = This server has another name
error-name-detail = The address in your browser names a host that is none of this server's.
error-server = Something failed here
error-server-detail = The server could not do this. Its log says more.
error-request = The request cannot be carried out
error-request-detail = What the browser sent is not what this page takes.

# The first page
landing-title = Messages
landing-heading = Messages at { $domain }
landing-intro = This is the instant-messaging server of the campus. Any SIP client can use it.
landing-connect = Connect a client
landing-address = Address
landing-name = name
landing-address-detail = with the name and the password that you were given
landing-domain = Domain
landing-proxy = Proxy
landing-trust = Trust this server
landing-trust-detail = Its certificate comes from an authority of its own, which your device does not know yet. Install the authority's certificate once, and compare its SHA-256 with what the administrator tells you.
landing-trust-crt = for telephones and browsers
landing-trust-pem = for programs that want PEM
landing-no-owner = Nobody owns this server yet.
landing-no-owner-detail = Whoever installed it opens the set-up link that it wrote to its log, or has a new one printed:
landing-console = Administration

# Signing in
sign-in-title = Sign in
sign-in = Sign in
sign-in-name = Name
password = Password
code = Code
sign-in-code-hint = The six digits of your authenticator, or a recovery code. Leave it empty if your account has none.
sign-in-lost = Lost access? Whoever may open the data directory of the server runs
sign-in-wrong = The name, the password or the code is wrong.
sign-in-directory-down = The directory cannot be reached at the moment, so its people cannot sign in.
sign-in-wait = Too many attempts. Try again in { $minutes ->
    [one] a minute
   *[other] { $minutes } minutes
}.
sign-in-impossible = Nobody can sign in at the moment; the server's log says why.

# Set-up
setup-title = Set up Tagus
setup-step-owner = Step 1 of 4: the owner
setup-step-code = Step 2 of 4: the authenticator
setup-intro = This server answers for { $domain }. Choose who owns it. An owner may do everything; other roles can be added later.
setup-recovers = This server has an owner already. This link makes another one, or gives an existing account a new password and the role of an owner.
setup-name-hint = For the console alone; it is no SIP address.
setup-continue = Continue
setup-again = Somebody else began with this link, or it took too long. Enter name and password again.

# Passwords and codes
password-hint = At least 12 characters. A few words that only you would put together are good.
password-present = Present password
password-new = New password
password-again = The same again
password-differs = The two passwords are not the same.
password-short = The password needs at least 12 characters.
password-unusable = This password cannot be used; it is too long.
password-wrong = The present password is wrong.
name-unusable = This name cannot be used. Letters, digits, full stop, hyphen and underline are good.
code-title = Authenticator
code-scan = Scan this with an authenticator app on your telephone.
code-type = No camera? Type this key
code-enter = Enter the code that the app shows now.
code-hint = Six digits
code-confirm = Confirm
code-wrong = The code does not fit. Check the clock of your telephone, and enter the code that it shows now.
code-began-anew = The key is no longer valid; this is a new one.
recovery-title = Recovery codes
recovery-detail = Each of these serves once in place of a code, if you lose your telephone. They are shown this once: print them, or keep them in a password manager.
recovery-next = I have kept them
busy = The server is busy. Try again in a moment.
failed = The server could not do this; its log says why.

# Own account
account-title = Your account
account-password = Change password
account-ends-sessions = Your other sessions end with it.
account-password-done = Your password was changed, and your other sessions have ended.
account-code = Second factor
account-code-on = Signing in asks for a code of your authenticator.
account-code-off = Signing in asks for the password alone. A code from your telephone keeps others out even if they learn it.
account-code-set = Set up an authenticator
account-code-renew = Set up another one
account-code-drop = Give up the second factor
account-code-drop-detail = From then on the password alone signs you in.
account-code-done = The second factor was given up.
account-recovery-left = { $count ->
    [one] One recovery code is left.
   *[other] { $count } recovery codes are left.
}
account-of-directory = You signed in through the directory; your password is changed there.
role = Role
last-sign-in = Last sign-in
sessions = Sessions
session-browser = Browser
session-source = Address
session-since = Signed in
session-used = Last used
session-this = this one
session-end = End
session-end-others = End all other sessions
session-ended = The session has ended.

# Navigation
nav-overview = Overview
dashboard-title = Dashboard

# Dashboard
attention = Needs attention
now = Now
checklist = Finish setting up
checklist-done = Done:
checklist-open = To do:
listening = Where it answers
service = Service
address = Address
tile-devices = Devices
tile-people = People
tile-presence = Presence
tile-held = Messages waiting
tile-directory = Directory
tile-certificate = Certificate
tile-store = Storage
devices-count = { $count ->
    [one] { $count } contact registered
   *[other] { $count } contacts registered
}
watching-count = { $count ->
    [one] { $count } subscription
   *[other] { $count } subscriptions
}
people-note = accounts in the store
presence-note = published states
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
certificate-until = valid until { $date }
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
check-certificate-open = It comes from an authority of this server's own: devices must be told to trust it. Set tls.cert_file and tls.key_file, or allow tls.acme.
check-people = People.
check-people-done = There are people who can sign in.
check-people-open = Nobody can sign in yet. Import a list with “tagus user import”, add one with “tagus user add”, or connect the directory.
check-directory = Directory.
check-directory-done = It is connected.
check-directory-open = None is connected. Set [identity.ldap] in the configuration and try it with “tagus ldap test”; without one, accounts are local.
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
