# Certificates
certificates-title = Certificates
certificate-served = In use
certificate-trouble = Something is wrong:
certificate-distrusted = Devices will not believe this certificate.
certificate-distrusted-detail = A machine like this one cannot follow its chain to an authority that it trusts. Add the certificates in between to the chain, or have the authority installed on every device.
certificate-issuer = Issued by
certificate-valid = Valid
certificate-days = { $count ->
    [one] one day left
   *[other] { $count } days left
}
certificate-over = expired
certificate-renewal = Next renewal
certificate-renewal-at = Automatic, on { $when }
certificate-renewal-none = Not automatic: install a new one before it ends.
certificate-file = File
certificate-names = Names
certificate-names-detail = Clients ask for these names, and believe the certificate only if they stand in it: the host that they connect to, and each domain that it speaks for.
certificate-name = Name
certificate-name-state = In the certificate
name-covered = yes
name-by-internal = no; the own authority's serves it
name-missing = no
certificate-all-names = { $count ->
    [0] It has no names
    [one] Its one name
   *[other] All { $count } names in it
}
certificate-chain = The chain of { $count } certificates
certificate-reload = Reload files and ask again
certificate-reload-detail = Files are read again, and an ACME authority is asked again. Connections that live stay as they are.
certificate-renew = Renew the internal certificate
certificate-installed = The certificate is served from now on.
certificate-removed = The installed certificate was taken away.
certificate-renewed = A new internal certificate is served from now on.
certificate-reloaded = Files were read again.
source-none = There is no certificate.
source-none-detail = Nothing is served over TLS. The log says why.
source-internal = From this server's own authority.
source-internal-detail = Devices believe it once they trust the authority below. It renews itself.
source-acme = From an ACME authority.
source-acme-detail = Devices believe it without further ado. It renews itself.
source-files = From files that the configuration names.
source-files-detail = Whoever replaces the files need not restart anything.
source-installed = Installed on this page.
source-installed-detail = It is kept in the data directory.
acme-title = ACME
acme-settings = The settings for it
acme-off = No ACME authority is asked. If the server's names are public and its web port can be reached from the internet, turn on tls.acme in the settings to get a certificate that every device believes.
acme-asks = An authority is asked for { $names }.
acme-no-names = Neither public_name nor domain is a public name, so no authority can be asked.
acme-no-proof = Names are proved by a listener of [web], and there is none.
acme-has = Its certificate is valid until { $end } and is renewed on { $renewal }.
acme-under-way = No certificate has come yet.
acme-failed = The last attempt failed: { $error }
acme-again = { $minutes ->
    [one] It is tried again by itself in a minute.
   *[other] It is tried again by itself in { $minutes } minutes.
}
acme-unproved = { $name } is left out, since nothing could prove that it leads here: { $why }
install-title = Install a certificate
install-detail = It is checked first: the key must belong to the certificate, the chain must hold, and it must be valid now for a name of this server. It is used from the next connection on.
install-decided = The settings tls.mode, tls.cert_file or tls.key_file decide which certificate is served. Replace those files, and the new ones are used at once.
install-chain-label = Certificate and chain
install-chain-hint = PEM: the server's own certificate first, then the ones above it.
install-chain-file = Or choose its file
install-key-label = Private key
install-key-hint = PEM, without a password. It is never shown again.
install-key-file = Or choose its file
install-do = Check and install
install-remove = Remove the installed certificate
install-remove-detail = What is next in order is served then: an ACME authority's, or the internal one.
install-no-certificate = There is no certificate in PEM form in this text. It begins with -----BEGIN CERTIFICATE-----.
install-no-key = There is no private key in PEM form in this text.
install-locked-key = This key asks for a password, which nobody could type at the start. Take it off with “openssl pkey -in key.pem -out plain.pem”.
install-mismatch = This key does not belong to the first certificate.
install-unusable = It cannot be used: { $why }
install-chain = Certificate { $at } of the chain was not signed by the one after it. The server's own comes first, then the one that signed it, and so on.
install-ended = This certificate expired on { $when }.
install-early = This certificate is not valid before { $when }.
install-other-names = This certificate names none of this server's names. Its own are: { $names }.
authority-title = The server's own authority
authority-detail = Devices that trust this authority believe the internal certificate. Have people compare its SHA-256 before they install it:
authority-profile = for iPhone and iPad, as a profile
authority-qr = The address of the authority's certificate
authority-qr-detail = For telephones, scan:

# DNS
dns-title = DNS
dns-intro = Clients find this server by these records of its domains. Without them each client needs the host name and port typed in.
dns-never = They have not been looked up since this server started.
dns-checked = Looked up on { $when },
dns-by-machine = as the DNS servers of this machine see them. From outside the campus they may look different.
dns-by-servers = as seen by { $servers }. From outside the campus they may look different.
dns-wrong = { $count ->
    [0] All are as they should be.
    [one] One is not as it should be.
   *[other] { $count } are not as they should be.
}
dns-done = The records were looked up.
dns-address-differs = The host has another address than this machine. Behind a firewall that translates addresses this is right.
dns-check = Look them up now
dns-download-zone = Download as a zone file
dns-download-csv = Download as CSV
dns-none = No record is needed: neither the domain nor the host has a name.
dns-records = Records
dns-record = Record
dns-state = State
dns-value = Should say
dns-found = Found
dns-zone = For the zone file
dns-zone-detail = Lines as BIND takes them
dns-others = { $count ->
    [one] One record that is not needed here
   *[other] { $count } records that are not needed here
}
dns-others-detail = This server does not serve what they are for, or has no address of that kind.
dns-unchecked = not looked up
dns-ok = ok
dns-missing = missing
dns-differs = differs
dns-unanswered = no answer
dns-not-needed = not needed
dns-host = the address of the server
dns-sip-tls = SIP over TLS
dns-sip-tcp = SIP over TCP
dns-sip-udp = SIP over UDP
dns-msrp = the relay for files and chats (MSRP)
dns-xcap = lists and rules of clients (XCAP)
