# Passwords and codes
password-hint = At least 12 characters; a few words that do not belong together are good.
password-present = Current password
password-new = New password
password-again = Repeat the password
password-differs = The two passwords are not the same.
password-short = The password needs at least 12 characters.
password-unusable = This password cannot be used; it is too long.
password-wrong = The current password is wrong.
name-unusable = This name cannot be used. Use letters, digits, full stops, hyphens and underscores.
code-title = Authenticator
code-scan = Scan this with an authenticator app on your telephone.
code-type = No camera? Type this key
code-enter = Enter the code that the app shows now.
code-hint = Six digits
code-confirm = Confirm
code-wrong = The code does not fit. Check the clock of your telephone, and enter the code that it shows now.
code-began-anew = The key is no longer valid; this is a new one.
recovery-title = Recovery codes
recovery-detail = Each of these works once in place of a code, if you lose your telephone. They are shown only now: print them, or keep them in a password manager.
recovery-next = I have kept them
busy = The server is busy. Try again in a moment.
failed = The server could not do this; its log says why.

# Own account
account-title = Your account
account-password = Change password
account-ends-sessions = Your other sessions end when you change it.
account-password-done = Your password was changed, and your other sessions have ended.
account-code = Second factor
account-code-on = Signing in asks for a code of your authenticator.
account-code-off = Signing in asks for the password alone. A code from your telephone keeps others out even if they learn it.
account-code-set = Set up an authenticator
account-code-renew = Set up another authenticator
account-code-drop = Turn off the second factor
account-code-drop-detail = From then on the password alone signs you in.
account-code-done = The second factor is turned off.
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
