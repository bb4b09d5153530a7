# The list of people
nav-people = People
people-title = People
people-search = Name, user name, mail or number
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
people-none-found = Nobody is as you look for. Other words, or fewer filters, may find somebody.
people-add = Add a person
people-add-another = Add another one
people-import = Import a list
people-export = Export accounts as CSV
people-table = This list as CSV
people-user = User
people-mail = Mail
people-back = Back to the list
people-tick = Tick
people-tick-all = Tick all on this page
people-many = With many people
people-whom = With whom
people-ticked = Those who are ticked
people-all = All { $count } who were found
people-disable = Disable
people-enable = Enable
people-delete = Delete

# A person
people-of-name = Name
people-of-name-hint = As others see it; without one it is the user name.
people-of-user = User name
people-of-user-hint = The part before @{ $domain }: letters, digits, full stop, hyphen, underline.
people-of-user-missing = Enter a user name.
people-of-user-unusable = Nobody can be called so. A user name has no spaces and none of @ : ; ? " \ < > , / % #
people-of-user-taken = There is somebody of this name already, here or in the directory.
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
people-of-of-directory = This is the directory's; change it there.

# Passwords of people
people-of-password = Password
people-of-password-made = Make one
people-of-password-made-detail = It is shown once, to be handed over.
people-of-password-typed = This one
people-of-password-typed-detail = Type it below.
people-of-password-none = None: devices only
people-of-password-none-detail = Each device gets a password of its own on the person's page.
people-of-password-this = The password
people-of-password-only-typed = Only if you chose “This one”.
people-of-password-kind = Choose how the password comes about.
people-of-password-missing = Enter a password.
people-of-password-unusable = This cannot be a password: it is too long, or holds characters that cannot be typed.
people-of-password-once = The password is shown this once. Hand it over now; it is stored nowhere as it is.
people-of-password-new = New password
people-of-password-detail = It signs SIP clients in. Passwords of devices stay as they are.
people-of-password-change = Change password
people-of-password-make = Make one and show it
people-of-password-set = The password was changed
people-of-made = The person was added
people-of-to-page = The person's page

# Changing a person
people-of-edit = Change a person
people-of-edited = The changes are saved.
people-of-save = Save
people-of-from-directory = This person comes from the directory. Name, mail address, telephone number and groups are read from there; to change them, change the directory.
people-of-access = Access
people-of-is-disabled = This person is locked out, by somebody here or by the directory.
people-of-enable = Enable
people-of-enabled-now = The person may sign in again, unless the directory has locked him.
people-of-disable = Disable
people-of-disable-detail = Nothing signs in any more, and registrations, subscriptions and publications end at once. Messages and devices are kept, so that it can be undone.
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
many-not = Leave everything as it is

# Groups
groups-title = Groups
groups-detail = Groups of the directory are read from there. A group here exists as long as a person is in it; people get groups when they are added, changed or imported.
groups-search = Search for a group
groups-count = { $count ->
    [one] { $count } group
   *[other] { $count } groups
}
groups-more = The first { $count } are shown.
groups-here = Set here
groups-directory = In the directory
groups-none = There is no group yet. A group appears when a person has one, or when the directory's groups are read.
groups-none-found = No group is called so.
groups-all = Show all groups

# Import
import-title = Import people
import-detail = Bring a table as CSV. First it is only tried: you see what would become of each row before anything changes.
import-file = File
import-file-hint = CSV with commas or semicolons, up to 16 MiB, in UTF-8 or as Excel saves it.
import-paste = Or paste the rows here
import-mode = If there is an account of that name already
import-mode-missing = Choose what becomes of accounts that exist.
import-skip = Pass the row over
import-update = Give the account what the row has
import-fail = Report the row as failed
import-nothing = Choose a file, or paste rows with a header line.
import-try = Try it
import-try-hint = Nothing is changed yet.
import-columns = Columns
import-columns-detail = The first line names the columns, in any order. Only user is needed.
import-user = The user name, or an address of this domain.
import-texts = As on the page of a person.
import-groups = Names, separated by spaces or semicolons.
import-password = The password as it is; without one the person signs in by devices only.
import-hashes = In a password's place: what the subscriber tables of other SIP servers hold.

# Jobs
jobs-title = Jobs
jobs-detail = Long work of the last 24 hours. It goes on when you leave the page; a restart of the server ends it.
jobs-none = Nothing long was done in the last 24 hours.
job-what = Job
job-trial = Trial of an import
job-import = Import
job-disable = Disabling people
job-enable = Enabling people
job-delete = Deleting people
job-running = At work
job-done = Done
job-done-partly = Done, with exceptions
job-failed = Broke off
job-cancelled = Ended by hand
job-by = Asked for by
job-started = Began
job-ended = Ended
job-progress = { $done } of { $total }
job-cancel = End it
job-added = Added
job-updated = Changed
job-changed = Changed
job-removed = Deleted
job-skipped = Passed over
job-failures = Failed
job-tried = This is what would become of it. Nothing was changed yet.
job-run = Import it now
job-try-again = Try it again
job-busy = So much is under way already that nothing more can begin. Wait until a job is done, or end one.
job-gone = What was tried is no longer here: it is kept for an hour. Bring it again.
job-not-done = What failed
job-result = Download as CSV
job-line = Line
job-reason = Reason
job-more = The file has the rest.
