# Alerts, as messages
alert-frame = Tagus on { $domain }: { $text }
alert-trial = this is a test. Alerts arrive here.
alert-certificate-ends = { $days ->
    [one] the certificate ends within a day.
   *[other] the certificate ends within { $days } days.
}
alert-certificate-ended = the certificate has ended. Devices refuse to connect until there is a new one.
alert-certificate-error = something is wrong with the certificate: { $detail }.
alert-certificate-well = the certificate is in order again.
alert-directory-down = the directory has been out of reach for five minutes ({ $detail }). Known people keep working; whoever is new has to wait.
alert-directory-held = { $count ->
    [one] the directory no longer lists a person. Nobody was put out: somebody has to decide it in the console.
   *[other] the directory no longer lists { $count } people. Nobody was put out: somebody has to decide it in the console.
}
alert-directory-well = the directory is in order again.
alert-disk-low = the disk is nearly full. Before it is, the server stops to take changes.
alert-disk-read-only = the storage takes no changes: { $detail }. Messages for people who are away are refused.
alert-disk-well = the storage is in order again.
alert-memory-short = memory is short: new people are not served until it is better.
alert-memory-well = there is enough memory again.

# The page about them
alerts-title = Alerts
alerts-lead = Tagus can write to you when something goes wrong here: to a person of this server, on whichever device that person reads messages. No browser has to be open. Each kind comes at most once an hour, and you are told when things are in order again.
alerts-person = Who gets them
alerts-person-hint = The name or the SIP address of a person here, for example your own. Empty: nobody.
alerts-person-unknown = There is nobody of that name here.
alerts-kinds = About what
alerts-kind-certificate = Certificate
alerts-kind-certificate-detail = It ends within 30, 14, 7 or 1 days, or its renewal failed.
alerts-kind-directory = Directory
alerts-kind-directory-detail = It has been out of reach for five minutes, or many people are gone from it at once.
alerts-kind-disk = Disk
alerts-kind-disk-detail = It is nearly full, or the storage takes no changes.
alerts-kind-memory = Memory
alerts-kind-memory-detail = It is short for more than a minute.
alerts-kinds-none = Choose at least one kind, or leave the person empty.
alerts-language-hint = They are written in the language that this page has now.
alerts-save = Save
alerts-saved = Saved.
alerts-test = Send a test
alerts-test-lead = Saved alerts go to { $person }.
alerts-test-here = { $count ->
    [0] The test is kept until the person has a device connected.
    [one] The test was sent to one connected device.
   *[other] The test was sent to { $count } connected devices.
}
alerts-of-directory = You signed in through the directory. Alerts belong to accounts of the console itself, so that they work while the directory is away.
alerts-link = Alerts as messages
