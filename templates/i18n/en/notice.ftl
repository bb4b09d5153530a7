# Notices
notice-title = Notices
notice-send = Send a notice
notice-whom = To
notice-whom-person = One person
notice-whom-group = A group
notice-whom-all = Everybody who is online
notice-whom-missing = Choose whom it is for.
notice-person = User name
notice-person-hint = For one person.
notice-person-missing = Write the user name of the person.
notice-group = Group
notice-group-hint = For a group, of the directory or local.
notice-group-missing = Write the name of the group.
notice-group-unknown = There is no group of this name.
notice-text = What it says
notice-text-en = Text in English
notice-text-pt = Text in Portuguese
notice-text-hint = In one language or in both; people get them in one message.
notice-text-missing = Write a text, in one of the languages at least.
notice-text-long = The text is too long by { $over ->
    [one] one character.
   *[other] { $over } characters.
} Characters with accents count twice.
notice-wait = Keep it for those who are away for
notice-wait-hint = After that it is no longer delivered.
notice-wait-missing = Choose how long it waits.
notice-hours = { $hours ->
    [1] one hour
    [24] one day
    [72] three days
   *[other] { $hours } hours
}
notice-look = Preview before sending
notice-preview-title = Send this notice?
notice-reach = Goes to
notice-people = { $count ->
    [one] one person
   *[other] { $count } people
}
notice-send-now = Send
notice-back = Change it
notice-too-often = Many notices were sent within this minute. Wait a little, then send this one.
notice-directory-away = The directory does not answer, and only it knows who is in the group. Try again in a moment.
notice-sent-title = Notice sent
notice-all-done = It went to everybody whom it is for.
notice-under-way = It is on its way, one person after the other. You need not wait here.
notice-again = Look again
notice-another = Back to notices
notice-accepted = Sent to a device that is here
notice-held = Waits until a device comes
notice-muted = Do not want to hear from it
notice-unknown = Nobody of that name, or locked out
notice-limited = Had too many within this minute
notice-full = Have too many messages waiting
notice-failed = Could not be kept

# Applications
applications = Applications
applications-detail = Programs that tell people things: mail has come, a print is done, a lab closes. Each has a token of its own. Whoever answers one of them with “stop” hears no more from it.
applications-none = No program sends notices yet.
application-add = Add an application
application-change = token, rates, removal
application-name = Name in its address
application-name-hint = Small letters, digits and hyphens, as in mail or print-hall.
application-title = Sender
application-title-hint = What people read as the sender of its notices.
application-address = Address
application-per-minute = Notices per minute
application-per-person = Per minute to one person
application-tokens = Tokens
application-token = Make a token
application-networks = Only from these addresses
application-networks-hint = Addresses or networks such as 192.0.2.0/24. Empty: from everywhere.
application-network-unfit = “{ $text }” is not an address or a network.
application-save = Save
application-remove = Remove it
application-remove-detail = Its tokens end at once, and what people said about it is forgotten.
application-made = The application was added. Make a token for it below.
application-set = The application was changed.
application-removed = The application was removed, and its tokens have ended.
application-unknown = There is no such application.
application-taken = There is an application of this name already, or as many as there may be.
application-unfit = It needs a name of small letters, digits and hyphens, and a sender that people can read, without quotation marks.
application-rate-unfit = Write a number from 1 to 10000.
application-tokens-full = It has as many tokens as it may have. Revoke one first.
application-token-title = New token
application-token-made = This is a token of { $name }. It is shown this once.
application-token-detail = Keep it in a file that the program alone can read. Whoever has it can send notices in the name of this application, and nothing else.
application-token-kept = I have kept it
