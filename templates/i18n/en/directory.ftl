# Navigation
nav-network = Directory and network
directory-title = Directory

# How it stands
standing-noted = What the server noted
standing-slow = slow
standing-server = Server
standing-since = So since
standing-last-answer = Last answer
standing-milliseconds = in { $time } ms
standing-at-once = in less than 1 ms
standing-people = Known people
standing-read-at = read at
why-off = No directory is connected: accounts are local.
why-none = The directory answers as it should.
why-slow = The directory answers, but slowly.
do-slow = Signing in waits for it. Index the attributes of the filter in the directory, and see what else keeps it busy; try its settings to see where the time goes.
why-not-yet = The directory was not reached since this server started.
do-not-yet = If this lasts, see that it runs, and try its settings.
why-unreachable = There is no connection to the directory.
do-unreachable = See that it runs and that this machine reaches it, then try its settings: they say at which step it ends.
why-silent = The directory does not answer within { $seconds } s.
do-silent = See whether it hangs or is busy, and restart it if need be. It is asked again every ten seconds.
why-account = The directory refuses the service account.
do-account = Check its name and password; an account may have been locked or its password may have expired.
why-answer = The directory answers with an error.
do-answer = Try its settings: they say what it answers, and to which question.
why-settings = A file that the settings name cannot be read.
do-settings = See that the file is there and that the server may read it.
why-held = { $count ->
    [one] One person is no longer on the directory's list.
   *[other] { $shown } people are no longer on the directory's list.
} Nobody was put out: you decide.
do-held = If the directory is right, let them go under “Synchronisation”; if not, correct it, and they were never gone.
why-list = The directory answers, but does not give its list of people.
do-list = Permit the service account to read all people in pages and without a limit, then read again.
why-groups = The directory answers, but its groups cannot be read.
do-groups = Try its settings: the step “Groups” says why.
means-down = { $count ->
    [one] One known person keeps working
   *[other] { $shown } known people keep working
}: who was here signs in as before for { $hours } hours. New sign-ins wait.
means-degraded = { $count ->
    [one] One known person keeps working.
   *[other] { $shown } known people keep working.
} Who left the directory may stay in longer.
means-groups = People sign in as before; who is in which group stays as it was.

# The workbench
workbench = Settings
workbench-intro = Try them as often as you like: nothing is saved, nothing in the directory changes, and the server carries on. If a step fails, you are told why and, mostly, how to mend it.
part-server = Server
part-account = Service account
part-people = People
part-attributes = Attributes, locked people, Digest secrets
part-groups = Groups
part-person = Somebody who signs in
part-person-hint = If you name somebody, the last step finds the person, and with a password signs in. Only the directory gets it, once.
presets = Fill in what fits:
ldap-urls = Servers
ldap-urls-hint = One a line, tried in turn: ldaps://dc1.campus.example
ldap-start-tls = StartTLS (start_tls)
ldap-start-tls-hint = Encrypt connections to ldap:// before anything is said.
ldap-authority = Authority of the server's certificate
ldap-authority-pem = Certificate of the authority
ldap-authority-hint = PEM, from -----BEGIN CERTIFICATE----- on. Empty: whatever the server trusts now.
ldap-bind-dn = Distinguished name
ldap-bind-dn-hint = cn=tagus,ou=services,dc=campus,dc=example. Empty: anonymous.
ldap-password = Password
ldap-password-hint = Of this account. It is never shown again.
ldap-password-kept = Empty keeps the stored one, as long as server, authority and name stay the same.
ldap-password-again = Type it again: passwords are not sent back to the browser.
ldap-base = Where people are
ldap-base-hint = Everything below is searched: ou=people,dc=campus,dc=example
ldap-filter = Who is one of them
ldap-filter-hint = { "{user}" } stands for the name that signs in.
ldap-attribute-user = User name
ldap-attribute-user-hint = Becomes the SIP address.
ldap-attribute-name = Display name
ldap-attribute-mail = Mail address
ldap-attribute-number = Telephone number
ldap-attribute-number-hint = Empty: none.
ldap-attribute-photo = Photograph
ldap-attribute-id = Permanent identifier
ldap-attribute-id-hint = Never changes and is never given twice, so that a new person of an old name is not taken for the first.
ldap-disabled = Who is locked out
ldap-disabled-hint = A filter. Empty: nobody.
ldap-secret = Secret for Digest
ldap-secret-hint = Only if the directory keeps passwords in the clear or as HA1; empty lets people sign in with a password per device.
ldap-secret-format = What it holds
ldap-group-base = Where groups are
ldap-group-base-hint = Empty: groups are not read.
ldap-group-filter = What is a group
ldap-admin-group = Who administers
ldap-admin-group-hint = The group whose members sign in here as administrators. Empty: none.
ldap-person = User name
ldap-person-password = Password
trial-begin = Test the settings
trial-busy = Others are trying directory settings at the moment. Try again in a little while.
trial-filled = Filled in. Test again to see the result.
trial-broken = The connection to this server broke. Try again.
trial-results = Results
trial-progress = Step { $number } of 8: { $step } …
trial-good = All is well: with these settings people can sign in.
trial-odd = It works, but look at the warnings.
trial-failed = It does not work yet. Begin with the first step that failed.
step-resolve = Find the server
step-connect = Connect
step-tls = Encrypt
step-bind = Sign in the service account
step-search = Find people
step-map = Read people
step-groups = Groups
step-sign-in = Sign in somebody
step-ok = ok
step-warning = warning
step-failed = failed
step-not-run = not tried
step-waiting = waiting
step-running = running
step-time = { $time } ms
step-answer = The directory said:
step-certificates = Certificates that it showed
certificate-of = Of
certificate-by = Issued by
certificate-good-until = Good until
attempt-connected = connected
fix-take = Use { $value }
fix-start-tls = Turn on StartTLS
fix-start-tls-with = Use { $value } with StartTLS
fix-trust = The fingerprint is right: trust this authority
fix-preset = Fill in what fits { $vendor }
samples = What people would look like
sample-user = User name
sample-name = Name
sample-address = SIP address
sample-mail = Mail
sample-number = Telephone
conflict-name = unfit for a SIP address
conflict-user-twice = name there twice
conflict-mail-twice = mail there twice
conflict-lacks = something is missing
groups-found = The largest groups
group-name = Group
group-listed = Members listed
group-people = People known here
save = Save
save-done = Saved and in use. The directory is being read; “Synchronisation” shows the result.
save-intro = Saving tests them once more and puts them in use at once.
save-fails = Not saved, because it does not work: see below which step failed.
save-anyway = Save it although it does not work.
save-anyway-hint = People who are known keep working; nobody new can sign in until the directory answers.
save-password = Type the password again: it would go to another server, or in another way.
save-wrong = This cannot be saved: { $why }

# Readings
sync-title = Synchronisation
sync-now = Synchronise now
sync-done = The directory was synchronised.
sync-applied = It was done: those who are still gone from the directory are out. Their accounts and messages are kept.
sync-kept = They stay in.
sync-refused = This cannot be done as things stand: perhaps there is no directory, or it says something else by now.
sync-failed = The directory could not be read, so nothing has changed. See above what is wrong.
runs = Last synchronisations
runs-hint = Runs in a row in which nothing changed share a line.
runs-none = The directory has not been read yet.
run-last = Last
run-outcome = Result
run-changes = Changes
run-people = People
run-by = Started by
run-times = Times
run-took = Took
run-applied = done
run-partly = in part
run-failed = failed
run-by-server = the server
run-nothing = nothing
run-nothing-failed = nothing: all stays as it was
run-added = { $count } new
run-changed = { $count } changed
run-returned = { $count } unlocked
run-disabled = { $count } locked
run-absent = { $count } gone
run-replaced = { $count } replaced
run-held = { $count } held
preview = What a synchronisation would change
preview-do = Preview the changes
preview-summary = { $people ->
    [one] The directory lists one person
   *[other] The directory lists { $shown } people
}; known here were { $known }.
preview-changed-nothing = Nothing was changed.
preview-anew = The directory has not been read with these settings before.
preview-held = { $count ->
    [one] One of them would stay in until you decide.
   *[other] { $shown } of them would stay in until you decide: they are too many at once.
}
preview-nothing = It would change nothing.
kind-what = What is different
kind-more = and { $count } more
kind-added = { $count ->
    [one] One new person
   *[other] { $shown } new people
}
kind-changed = { $count ->
    [one] One person described in another way
   *[other] { $shown } people described in another way
}
kind-returned = { $count ->
    [one] One person who is no longer locked there
   *[other] { $shown } people who are no longer locked there
}
kind-disabled = { $count ->
    [one] One person who is locked there now
   *[other] { $shown } people who are locked there now
}
kind-absent = { $count ->
    [one] One person who is no longer there
   *[other] { $shown } people who are no longer there
}
kind-replaced = { $count ->
    [one] One name that is another person's now
   *[other] { $shown } names that are other people's now
}
proposal = For you to decide
proposal-many = { $count ->
    [one] The directory would put out one person
   *[other] The directory would put out { $shown } people at once
}, of { $known }.
proposal-nobody = The directory lists nobody at all; { $shown } of { $known } people would be out.
proposal-means = That looks like a mistake, so nobody was put out: all of them keep working.
proposal-since = Since
proposal-kept-by = { $name } decided that they stay.
proposal-keep = Keep all { $count } in
proposal-keep-hint = They stay until they are back on the list, or until you let them go after all.
proposal-apply = Let { $count } go
proposal-apply-hint = Who is still gone when the directory is read now is out at once: registrations end. Accounts, devices and messages are kept, and come back with the person.
proposal-count = Type how many they are ({ $count })
proposal-count-wrong = That is not how many they are.
proposal-gone = There is no such proposal any more: the directory says something else by now.
