# Uma pessoa
person-title = Pessoa
person-profile = Perfil
person-edit = Alterar dados, palavra-passe ou acesso
profile-user = Nome de utilizador
profile-address = Endereço
profile-name = Nome
profile-mail = Correio eletrónico
profile-number = Telefone
profile-groups = Grupos
profile-groups-note = incluindo os grupos do diretório
person-role = Nesta consola
person-role-by-group = por um grupo do diretório
person-directory-id = Identificador no diretório
person-created = Conhecida aqui desde
person-from-attribute = do diretório, atributo { $attribute }
person-from-here = introduzido aqui
profile-active = Ativa
profile-disabled = Desativada
profile-locked-there = Bloqueada no diretório
profile-absent = Já não está no diretório
person-online = { $count ->
    [one] Em linha com { $count } registo
   *[other] Em linha com { $count } registos
}
person-offline = Fora de linha
profile-local = Conta local
profile-of-directory = Do diretório
profile-held-in = Aguarda uma decisão
profile-disabled-detail = Um administrador desativou esta conta: ninguém pode iniciar sessão com ela.
profile-locked-there-detail = O diretório bloqueou esta pessoa. Desbloqueie-a no diretório; a próxima leitura dá por isso.
profile-absent-detail = O diretório não inclui esta pessoa desde { $since }. Se lá voltar, entra de novo.
profile-held-in-detail = O diretório deixou de incluir esta pessoa, ou bloqueou-a, juntamente com muitas outras. A pessoa continua a entrar até um administrador decidir.
person-test = Enviar uma mensagem de teste
person-log-out = Terminar sessão em todo o lado
person-log-out-detail = Todos os registos e subscrições desta pessoa terminam agora. Os dispositivos mantêm as suas palavras-passe e podem voltar a iniciar sessão sozinhos; para afastar um, revogue-o.
person-logged-out = Todos os registos e subscrições terminaram.
person-trail = O que se fez a esta pessoa
person-mutes = Avisos
person-mutes-detail = Esta pessoa não quer receber nada destas aplicações; o que enviam não lhe é entregue.
person-mute-since = desde { $date }

# Dispositivos
devices = Dispositivos
devices-none = Esta pessoa não tem palavra-passe de dispositivo. Com uma, um telefone inicia sessão sem a palavra-passe da própria pessoa e pode ser revogado sozinho.
devices-revoked = { $count ->
    [one] { $count } dispositivo revogado
   *[other] { $count } dispositivos revogados
}
device-label = Nome do dispositivo
device-label-hint = Como a pessoa lhe chama: telemóvel, computador do gabinete.
device-label-missing = Dê um nome ao dispositivo.
device-label-long = Este nome é demasiado longo.
device-too-many = Esta pessoa já tem o número máximo de dispositivos. Revogue um primeiro.
device-directory = O diretório não responde, e só ele conhece esta pessoa. Tente mais tarde.
device-made = Criado
device-made-on = criado em { $date }
device-used = Última utilização
device-never = nunca
device-now = Agora
device-registered = Registado
device-away = Ausente
device-md5 = Só para telefones antigos
device-md5-hint = Oferecer apenas MD5, para dispositivos que não conseguem iniciar sessão de outro modo.
device-add = Adicionar um dispositivo
device-add-detail = Cria uma palavra-passe para um só dispositivo. É mostrada uma única vez.
device-revoke = Revogar
device-revoke-detail = A sessão do dispositivo termina agora e a sua palavra-passe deixa de servir.
device-revoked = O dispositivo foi revogado e os seus registos terminaram.

# Um dispositivo novo
new-device-title = Foi adicionado um dispositivo
new-device-once = A palavra-passe é mostrada só desta vez.
new-device-how = Introduza estes valores no dispositivo ou entregue-os em papel.
new-device-domain = Domínio
new-device-password = Palavra-passe
new-device-proxies = Servidor (proxy)
new-device-proxies-detail = Muitos dispositivos encontram o servidor só pelo domínio. Quando um não o consegue, use o primeiro destes que ele suporte.
new-device-transport = Transporte
new-device-proxy = Endereço
new-device-when = Quando usar
new-device-written-down = Já o tenho: voltar à pessoa
proxy-tls = Cifrado. Use este sempre que funcione.
proxy-tcp = Não cifrado; para dispositivos sem TLS.
proxy-udp = Não cifrado; para telefones antigos.
proxy-wss = Cifrado, para programas num navegador.

# Agora
person-registrations = Registada agora
person-registrations-none = Nenhum dispositivo desta pessoa está registado.
person-presence = Presença
presence-open = Contactável
presence-closed = Não contactável
published = Publicado por cada dispositivo
published-state = Estado
published-says = Diz
published-changed = Alterado
watchers = Quem observa
watchers-none = Ninguém observa esta pessoa neste momento.
watcher = Observador
watcher-status = Estado
watcher-active = Vê esta pessoa
watcher-pending = Espera pela resposta desta pessoa
watcher-waiting = Pediu e está ausente
rules = Quem pode observar
rules-default-allow = Salvo regra em contrário, toda a gente pode observar esta pessoa.
rules-default-confirm = Salvo regra em contrário, quem quer observar espera pela resposta desta pessoa.
rules-default-block = Salvo regra em contrário, ninguém pode observar esta pessoa.
rules-unreadable = Um documento de regras não pode ser lido; não concede nada.
rule-allow = { $whom }: pode observar.
rule-confirm = { $whom }: tem de esperar pela resposta desta pessoa.
rule-polite = { $whom }: vê sempre esta pessoa fora de linha.
rule-block = { $whom }: não pode observar.
rule-everybody = toda a gente
rule-nobody = ninguém
rule-domain = todas as pessoas de { $domain }
rule-lists = pessoas nas listas que indica
rule-others = quem não é abrangido por outra regra
rule-strangers = quem não diz quem é
rule-limited = Vale apenas em certas horas, em certos lugares ou com exceções.
profile-held-title = Mensagens em espera
profile-held-none = Nenhuma mensagem espera por esta pessoa.
profile-held = { $count ->
    [one] { $count } mensagem em espera ({ $size }), recebida em { $oldest }.
   *[other] { $count } mensagens em espera ({ $size }), a mais antiga desde { $oldest }.
}
profile-held-open = Mostrar a fila
failures = Falhas ao iniciar sessão
failures-none = Ninguém falhou ao iniciar sessão com este nome desde o arranque do servidor.
failures-note = As últimas desde o arranque do servidor, a mais recente primeiro.
failure-at = Quando
failure-reason = Porquê
failure-source = De
failure-times = Vezes
failure-password = Palavra-passe errada
failure-unknown = Ninguém tinha este nome
failure-locked = A conta estava bloqueada
failure-banned = Demasiadas falhas antes: a palavra-passe não foi verificada
failure-another-name = O dispositivo disse ser outra pessoa

# Uma mensagem de teste
trial-title = Mensagem de teste
trial-delivered = A mensagem chegou.
trial-held = Nenhum dispositivo a aceitou ainda. Fica guardada um dia e é entregue assim que um dispositivo a aceitar.
trial-away = Esta pessoa não tem agora nenhum dispositivo que a possa receber. Fica guardada um dia e é entregue assim que um dispositivo se registar.
trial-refused = Os dispositivos recusaram-na ({ $status }).
trial-full = Não foi possível guardá-la: há demasiadas mensagens à espera desta pessoa.
trial-not-sent = Não foi possível enviá-la: o servidor está ocupado ou o armazenamento não aceita nada.
trial-devices = O que disse cada dispositivo
trial-answer = Resposta
trial-later = Recebe-a mais tarde
trial-back = Voltar à pessoa
tried-took = Aceitou-a ({ $status })
tried-asks = Pede uma palavra-passe própria ({ $status }): verifique as suas definições
tried-unknown = Não conhece esta pessoa ({ $status }): o seu registo está desatualizado
tried-cannot = Não aceita mensagens de texto ({ $status })
tried-not-now = Não a quer agora ({ $status })
tried-too-large = Demasiado grande para a sua ligação
tried-refused = Recusou-a ({ $status })
tried-unreachable = Não foi possível contactá-lo
tried-silent = Ainda não respondeu
