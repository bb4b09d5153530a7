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
sign-in-lost = Lost access? Whoever may open the data directory on the server runs
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
setup-name-hint = For the console alone; it is not a SIP address.
setup-continue = Continue
setup-again = Somebody else began with this link, or it took too long. Enter name and password again.
