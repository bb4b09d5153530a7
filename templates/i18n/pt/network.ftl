# Certificados
certificates-title = Certificados
certificate-served = Em uso
certificate-trouble = Algo está errado:
certificate-distrusted = Os dispositivos não vão acreditar neste certificado.
certificate-distrusted-detail = Uma máquina como esta não consegue seguir a cadeia até uma autoridade em que confie. Adicione à cadeia os certificados intermédios, ou instale a autoridade em cada dispositivo.
certificate-issuer = Emitido por
certificate-valid = Válido
certificate-days = { $count ->
    [one] resta um dia
   *[other] restam { $count } dias
}
certificate-over = expirado
certificate-renewal = Próxima renovação
certificate-renewal-at = Automática, em { $when }
certificate-renewal-none = Não é automática: instale um novo antes de este terminar.
certificate-file = Ficheiro
certificate-names = Nomes
certificate-names-detail = Os clientes pedem estes nomes, e só acreditam no certificado se lá estiverem: a máquina a que se ligam, e cada domínio por que ela fala.
certificate-name = Nome
certificate-name-state = No certificado
name-covered = sim
name-by-internal = não; serve o da autoridade própria
name-missing = não
certificate-all-names = { $count ->
    [0] Não tem nomes
    [one] O seu único nome
   *[other] Todos os { $count } nomes
}
certificate-chain = A cadeia de { $count } certificados
certificate-reload = Voltar a ler os ficheiros e a pedir
certificate-reload-detail = Os ficheiros são lidos de novo, e é feito um novo pedido à autoridade ACME. As ligações abertas ficam como estão.
certificate-renew = Renovar o certificado interno
certificate-installed = O certificado é servido a partir de agora.
certificate-removed = O certificado instalado foi retirado.
certificate-renewed = A partir de agora é servido um novo certificado interno.
certificate-reloaded = Os ficheiros foram lidos de novo.
source-none = Não há certificado.
source-none-detail = Nada é servido por TLS. O registo diz porquê.
source-internal = Da autoridade própria deste servidor.
source-internal-detail = Os dispositivos acreditam nele quando confiarem na autoridade abaixo. Renova-se automaticamente.
source-acme = De uma autoridade ACME.
source-acme-detail = Os dispositivos acreditam nele sem mais nada. Renova-se automaticamente.
source-files = De ficheiros indicados na configuração.
source-files-detail = Quem substituir os ficheiros não precisa de reiniciar nada.
source-installed = Instalado nesta página.
source-installed-detail = Está guardado na pasta de dados.
acme-title = ACME
acme-settings = As definições para isso
acme-off = Não é feito nenhum pedido a uma autoridade ACME. Se os nomes do servidor são públicos e a sua porta web se alcança da Internet, ative tls.acme nas definições para obter um certificado em que todos os dispositivos acreditam.
acme-asks = É pedido a uma autoridade um certificado para { $names }.
acme-no-names = Nem public_name nem domain são nomes públicos, pelo que nenhuma autoridade pode ser consultada.
acme-no-proof = Os nomes são provados por um endereço de [web], e não há nenhum.
acme-has = O certificado dela é válido até { $end } e renova-se em { $renewal }.
acme-under-way = Ainda não chegou nenhum certificado.
acme-failed = A última tentativa falhou: { $error }
acme-again = { $minutes ->
    [one] Volta a tentar automaticamente daqui a um minuto.
   *[other] Volta a tentar automaticamente daqui a { $minutes } minutos.
}
acme-unproved = { $name } fica de fora, porque nada pôde provar que conduz a este servidor: { $why }
install-title = Instalar um certificado
install-detail = É verificado primeiro: a chave tem de pertencer ao certificado, a cadeia tem de estar certa, e ele tem de ser válido agora para um nome deste servidor. É usado a partir da ligação seguinte.
install-decided = As definições tls.mode, tls.cert_file ou tls.key_file decidem que certificado é servido. Substitua esses ficheiros e os novos são usados de imediato.
install-chain-label = Certificado e cadeia
install-chain-hint = PEM: primeiro o certificado do próprio servidor, depois os que estão acima.
install-chain-file = Ou escolha o ficheiro
install-key-label = Chave privada
install-key-hint = PEM, sem palavra-passe. Nunca mais é mostrada.
install-key-file = Ou escolha o ficheiro
install-do = Verificar e instalar
install-remove = Remover o certificado instalado
install-remove-detail = Passa então a ser servido o seguinte na ordem: o de uma autoridade ACME, ou o interno.
install-no-certificate = Não há neste texto nenhum certificado em PEM. Começa por -----BEGIN CERTIFICATE-----.
install-no-key = Não há neste texto nenhuma chave privada em PEM.
install-locked-key = Esta chave pede uma palavra-passe, que ninguém poderia escrever no arranque. Retire-a com “openssl pkey -in key.pem -out plain.pem”.
install-mismatch = Esta chave não pertence ao primeiro certificado.
install-unusable = Não pode ser usado: { $why }
install-chain = O certificado { $at } da cadeia não foi assinado pelo seguinte. Primeiro vem o do próprio servidor, depois o que o assinou, e assim por diante.
install-ended = Este certificado expirou em { $when }.
install-early = Este certificado não é válido antes de { $when }.
install-other-names = Este certificado não contém nenhum dos nomes deste servidor. Os que contém são: { $names }.
authority-title = A autoridade própria do servidor
authority-detail = Os dispositivos que confiam nesta autoridade acreditam no certificado interno. Peça às pessoas que comparem o SHA-256 antes de a instalarem:
authority-profile = para iPhone e iPad, como perfil
authority-qr = O endereço do certificado da autoridade
authority-qr-detail = Para telefones, leia:

# DNS
dns-title = DNS
dns-intro = Os clientes encontram este servidor por estes registos dos seus domínios. Sem eles é preciso escrever em cada cliente o nome da máquina e a porta.
dns-never = Ainda não foram consultados desde que este servidor arrancou.
dns-checked = Consultados em { $when },
dns-by-machine = tal como os veem os servidores DNS desta máquina. De fora do campus podem parecer diferentes.
dns-by-servers = tal como os vê { $servers }. De fora do campus podem parecer diferentes.
dns-wrong = { $count ->
    [0] Estão todos como devem.
    [one] Um não está como devia.
   *[other] { $count } não estão como deviam.
}
dns-done = Os registos foram consultados.
dns-address-differs = A máquina tem outro endereço no DNS do que aqui. Atrás de uma firewall que traduz endereços isto está certo.
dns-check = Consultar agora
dns-download-zone = Transferir como ficheiro de zona
dns-download-csv = Transferir em CSV
dns-none = Nenhum registo é necessário: nem o domínio nem a máquina têm nome.
dns-records = Registos
dns-record = Registo
dns-state = Estado
dns-value = Deve dizer
dns-found = Encontrado
dns-zone = Para o ficheiro de zona
dns-zone-detail = Linhas tal como o BIND as aceita
dns-others = { $count ->
    [one] Um registo que aqui não é necessário
   *[other] { $count } registos que aqui não são necessários
}
dns-others-detail = Este servidor não oferece aquilo para que servem, ou não tem um endereço desse tipo.
dns-unchecked = não consultado
dns-ok = em ordem
dns-missing = em falta
dns-differs = difere
dns-unanswered = sem resposta
dns-not-needed = não é necessário
dns-host = o endereço do servidor
dns-sip-tls = SIP por TLS
dns-sip-tcp = SIP por TCP
dns-sip-udp = SIP por UDP
dns-msrp = o retransmissor de ficheiros e conversas (MSRP)
dns-xcap = listas e regras dos clientes (XCAP)
