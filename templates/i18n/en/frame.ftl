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
faults = Please correct this first:
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

# Navigation
nav-overview = Overview
dashboard-title = Dashboard

# Lists
pager = Pages of this list
pager-first = First page
pager-next = Next page
