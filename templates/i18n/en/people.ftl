# The list of people
nav-people = People
people-title = People
people-search = Find a person
people-search-hint = Name, user name, mail or number.
people-find = Search
people-any = Any
people-limit = Per page
people-registered = Registered now
people-registered-yes = Yes
people-registered-no = No
people-everybody = Show everybody
people-count = { $count ->
    [one] { $count } person
   *[other] { $count } people
}
people-more = More than { $count } people
people-none = There is nobody here yet. Add a person, import a list, or connect the directory.
people-none-found = Nobody matches. Try other words, or fewer filters.
people-add = Add a person
people-add-another = Add another one
people-import = Import a list
people-connect = Connect the directory
people-export = Export accounts as CSV
people-table = Download this list as CSV
people-user = User
people-mail = Mail
people-back = People
people-tick = Tick
people-tick-all = Tick all on this page
people-many = Several people at once
people-whom = Which people
people-ticked = Those ticked above
people-all = All { $count } found
people-disable = Disable
people-enable = Enable
people-delete = Delete

# A person
people-of-name = Name
people-of-name-hint = As others see it. Without one they see the user name.
people-of-user = User name
people-of-user-hint = The part before @{ $domain }: letters, digits, full stops, hyphens, underscores.
people-of-user-missing = Enter a user name.
people-of-user-unusable = This cannot be a user name: it must not have spaces or any of @ : ; ? " \ < > , / % #
people-of-user-taken = There is already somebody of this name, here or in the directory.
people-of-address = Address
people-of-mail = Mail address
people-of-number = Telephone number
people-of-number-hint = Several are separated by semicolons.
people-of-number-unusable = This is not a telephone number. Several are separated by semicolons.
people-of-number-taken = { $user } has this number already.
people-of-too-long = This is too long.
people-of-group = Group
people-of-groups = Groups
people-of-groups-hint = Names, separated by commas or spaces.
people-of-source = Source
people-of-local = Local
people-of-directory = Directory
people-of-state = State
people-of-active = Active
people-of-disabled = Disabled
people-of-locked-there = Locked in the directory
people-of-absent = Not in the directory
people-kept-in = Kept in
people-of-devices = Devices
people-of-seen = Last seen
people-of-now = Registered
people-of-deleted = The person was deleted.
people-of-of-directory = This comes from the directory; change it there.

# Passwords of people
people-of-password = Password
people-of-password-made = Generate one
people-of-password-made-detail = It is shown once, to be handed over.
people-of-password-typed = Use this one
people-of-password-typed-detail = Type it below.
people-of-password-none = None: devices only
people-of-password-none-detail = Each device gets a password of its own on the person's page.
people-of-password-this = The password
people-of-password-only-typed = Only if you chose “Use this one”.
people-of-password-kind = Choose where the password comes from.
people-of-password-missing = Enter a password.
people-of-password-unusable = This cannot be a password: it is too long, or holds characters that cannot be typed.
people-of-password-once = The password is shown only now. Hand it over; it is not stored in readable form.
people-of-password-new = New password
people-of-password-detail = SIP clients sign in with it. Passwords of devices stay as they are.
people-of-password-change = Change password
people-of-password-make = Generate one and show it
people-of-password-set = The password was changed
people-of-made = The person was added
people-of-to-page = Back to the person

# Changing a person
people-of-edit = Change a person
people-of-edited = The changes are saved.
people-of-save = Save
people-of-from-directory = This person comes from the directory. Name, mail address, telephone number and groups are read from there; to change them, change the directory.
people-of-access = Access
people-of-is-disabled = This person is locked out, by somebody here or by the directory.
people-of-enable = Enable
people-of-enabled-now = The person may sign in again, unless the directory has locked the account.
people-of-disable = Disable
people-of-disable-detail = The person can no longer sign in: registrations, subscriptions and presence end at once. Messages and devices are kept, so this can be undone.
people-of-disabled-now = The person is locked out.
people-of-delete = Delete
people-of-delete-detail = The account, its devices, rules and messages are removed. This cannot be undone.
people-of-delete-directory = What is kept here of this person is removed: devices, rules, messages, a lock too. The directory decides whether there is such a person.
people-of-delete-type = Type the user name to confirm
people-of-delete-differs = This is not the user name of this person.

# Many people
many-disable = { $count ->
    [one] Disable { $count } person?
   *[other] Disable { $count } people?
}
many-enable = { $count ->
    [one] Enable { $count } person?
   *[other] Enable { $count } people?
}
many-enable-detail = They may sign in again, unless the directory has locked them.
many-delete = { $count ->
    [one] Delete { $count } person?
   *[other] Delete { $count } people?
}
many-delete-detail = Their accounts, devices, rules and messages are removed. This cannot be undone. Of people of the directory only what is kept here is removed.
many-more = and { $count } more
many-nobody = Tick somebody first.
many-changed = Others have changed the list meanwhile: it would be { $count } now. Look at it again.
many-type = Type the number of people to confirm
many-type-hint = { $count } will be deleted.
many-typed-differs = This is not the number of people who would be deleted.
many-not = Cancel

# Groups
groups-title = Groups
groups-detail = Groups of the directory are read from there. A group here exists as long as a person is in it; people get groups when they are added, changed or imported.
groups-search = Find a group
groups-count = { $count ->
    [one] { $count } group
   *[other] { $count } groups
}
groups-more = The first { $count } are shown.
groups-here = Members set here
groups-directory = Members in the directory
groups-none = There is no group yet. A group appears when a person has one, or when the directory's groups are read.
groups-none-found = No group matches.
groups-all = Show all groups

# Import
import-title = Import people
import-detail = Import people from a table in CSV. It is only checked at first: you see what would happen to each row before anything changes.
import-file = File
import-file-hint = CSV with commas or semicolons, up to 16 MiB, in UTF-8 or as Excel saves it.
import-paste = Or paste the rows here
import-mode = If the account already exists
import-mode-missing = Choose what happens to accounts that already exist.
import-skip = Skip the row
import-update = Update the account from the row
import-fail = Report the row as an error
import-nothing = Choose a file, or paste rows with a header line.
import-try = Check the list
import-try-hint = Nothing is changed yet.
import-columns = Columns
import-columns-detail = The first line names the columns, in any order. Only user is needed.
import-user = The user name, or an address of this domain.
import-texts = As in the form for one person.
import-groups = Names, separated by spaces or semicolons.
import-password = The password as it is typed; without one the person signs in with device passwords only.
import-hashes = Instead of the password: hashes, as in the subscriber tables of other SIP servers.

# Jobs
jobs-title = Jobs
jobs-detail = Work that takes long, of the last 24 hours. It goes on when you leave the page; a restart of the server ends it.
jobs-none = There were no jobs in the last 24 hours. Imports and changes to many people appear here.
job-what = Job
job-trial = Check of an import
job-import = Import
job-disable = Disabling people
job-enable = Enabling people
job-delete = Deleting people
job-running = Running
job-done = Done
job-done-partly = Done, with exceptions
job-failed = Failed
job-cancelled = Cancelled
job-by = Started by
job-started = Started
job-ended = Ended
job-progress = { $done } of { $total }
job-cancel = Cancel the job
job-added = Added
job-updated = Changed
job-changed = Changed
job-removed = Deleted
job-skipped = Skipped
job-failures = Failed
job-tried = This is what would happen. Nothing has changed yet.
job-run = Import it now
job-try-again = Check again
job-busy = Too many jobs are running. Wait until one is done, or cancel one.
job-gone = The checked list is no longer here: it is kept for an hour. Import it again.
job-not-done = What failed
job-result = Download as CSV
job-line = Line
job-reason = Reason
job-more = The file has all of them.
