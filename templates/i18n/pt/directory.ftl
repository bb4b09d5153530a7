# Navegação
nav-network = Diretório e rede
directory-title = Diretório

# Como está
standing-noted = O que o servidor anotou
standing-slow = lento
standing-server = Servidor
standing-since = Assim desde
standing-last-answer = Última resposta
standing-milliseconds = em { $time } ms
standing-at-once = em menos de 1 ms
standing-people = Pessoas conhecidas
standing-read-at = lidas em
why-off = Nenhum diretório está ligado: as contas são locais.
why-none = O diretório responde como deve.
why-slow = O diretório responde, mas devagar.
do-slow = Iniciar sessão fica à espera dele. Indexe no diretório os atributos do filtro e veja o que mais o ocupa; experimente as definições dele para ver onde se gasta o tempo.
why-not-yet = O diretório ainda não foi alcançado desde que este servidor arrancou.
do-not-yet = Se isto durar, confirme que está a funcionar e experimente as definições dele.
why-unreachable = Não há ligação ao diretório.
do-unreachable = Confirme que está a funcionar e que esta máquina lhe chega; depois experimente as definições dele: dizem em que passo termina.
why-silent = O diretório não responde em { $seconds } s.
do-silent = Veja se está bloqueado ou ocupado e reinicie-o se for preciso. Volta a ser consultado de dez em dez segundos.
why-account = O diretório recusa a conta de serviço.
do-account = Verifique o nome e a palavra-passe; a conta pode ter sido bloqueada ou a palavra-passe ter expirado.
why-answer = O diretório responde com um erro.
do-answer = Experimente as definições dele: dizem o que responde, e a que pergunta.
why-settings = Um ficheiro indicado nas definições não pode ser lido.
do-settings = Confirme que o ficheiro existe e que o servidor o pode ler.
why-held = { $count ->
    [one] Uma pessoa já não está na lista do diretório.
   *[other] { $shown } pessoas já não estão na lista do diretório.
} Ninguém foi posto fora: a decisão é sua.
do-held = Se o diretório tem razão, deixe-as sair em “Sincronização”; se não tem, corrija-o, e nunca terão saído.
why-list = O diretório responde, mas não entrega a lista de pessoas.
do-list = Permita que a conta de serviço leia todas as pessoas por páginas e sem limite, e leia de novo.
why-groups = O diretório responde, mas os grupos não podem ser lidos.
do-groups = Experimente as definições dele: o passo “Grupos” diz porquê.
means-down = { $count ->
    [one] Uma pessoa conhecida continua a trabalhar
   *[other] { $shown } pessoas conhecidas continuam a trabalhar
}: quem já cá estava inicia sessão como antes durante { $hours } horas. Novos inícios de sessão esperam.
means-degraded = { $count ->
    [one] Uma pessoa conhecida continua a trabalhar.
   *[other] { $shown } pessoas conhecidas continuam a trabalhar.
} Quem saiu do diretório pode ficar mais tempo.
means-groups = As pessoas iniciam sessão como antes; quem está em que grupo fica como estava.

# A bancada de ensaio
workbench = Definições
workbench-intro = Experimente-as quantas vezes quiser: nada é guardado, nada muda no diretório e o servidor continua como está. Se um passo falhar, diz-se porquê e, quase sempre, como o resolver.
part-server = Servidor
part-account = Conta de serviço
part-people = Pessoas
part-attributes = Atributos, pessoas bloqueadas, segredos Digest
part-groups = Grupos
part-person = Alguém que inicia sessão
part-person-hint = Se indicar alguém, o último passo encontra a pessoa e, com uma palavra-passe, inicia sessão. Só o diretório a recebe, uma vez.
presets = Preencher com o que se adequa a:
ldap-urls = Servidores
ldap-urls-hint = Um por linha, tentados à vez: ldaps://dc1.campus.example
ldap-start-tls = StartTLS (start_tls)
ldap-start-tls-hint = Cifrar as ligações a ldap:// antes de dizer seja o que for.
ldap-authority = Autoridade do certificado do servidor
ldap-authority-pem = Certificado da autoridade
ldap-authority-hint = Em PEM, a partir de -----BEGIN CERTIFICATE-----. Vazio: aquilo em que o servidor confia agora.
ldap-bind-dn = Nome distinto (DN)
ldap-bind-dn-hint = cn=tagus,ou=services,dc=campus,dc=example. Vazio: anónimo.
ldap-password = Palavra-passe
ldap-password-hint = Desta conta. Nunca mais é mostrada.
ldap-password-kept = Vazia mantém a que está guardada, enquanto o servidor, a autoridade e o nome forem os mesmos.
ldap-password-again = Escreva-a de novo: as palavras-passe não são devolvidas ao navegador.
ldap-base = Onde estão as pessoas
ldap-base-hint = Procura-se em tudo o que está abaixo: ou=people,dc=campus,dc=example
ldap-filter = Quem é uma delas
ldap-filter-hint = { "{user}" } é o nome de quem inicia sessão.
ldap-attribute-user = Nome de utilizador
ldap-attribute-user-hint = Torna-se o endereço SIP.
ldap-attribute-name = Nome a mostrar
ldap-attribute-mail = Endereço de correio
ldap-attribute-number = Número de telefone
ldap-attribute-number-hint = Vazio: nenhum.
ldap-attribute-photo = Fotografia
ldap-attribute-id = Identificador permanente
ldap-attribute-id-hint = Nunca muda e nunca é dado duas vezes, para que uma pessoa nova com um nome antigo não seja tomada pela primeira.
ldap-disabled = Quem está bloqueado
ldap-disabled-hint = Um filtro. Vazio: ninguém.
ldap-secret = Segredo para Digest
ldap-secret-hint = Só se o diretório guarda palavras-passe às claras ou como HA1; vazio deixa as pessoas iniciar sessão com uma palavra-passe por dispositivo.
ldap-secret-format = O que contém
ldap-group-base = Onde estão os grupos
ldap-group-base-hint = Vazio: não se leem grupos.
ldap-group-filter = O que é um grupo
ldap-admin-group = Quem administra
ldap-admin-group-hint = O grupo cujos membros iniciam aqui sessão como administradores. Vazio: nenhum.
ldap-person = Nome de utilizador
ldap-person-password = Palavra-passe
trial-begin = Testar as definições
trial-busy = Neste momento há outros a experimentar definições do diretório. Tente daqui a pouco.
trial-filled = Preenchido. Teste de novo para ver o resultado.
trial-broken = A ligação a este servidor caiu. Tente de novo.
trial-results = Resultado
trial-progress = Passo { $number } de 8: { $step } …
trial-good = Está tudo bem: com estas definições as pessoas podem iniciar sessão.
trial-odd = Funciona, mas veja os avisos.
trial-failed = Ainda não funciona. Comece pelo primeiro passo que falhou.
step-resolve = Encontrar o servidor
step-connect = Ligar
step-tls = Cifrar
step-bind = Iniciar sessão com a conta de serviço
step-search = Encontrar pessoas
step-map = Ler pessoas
step-groups = Grupos
step-sign-in = Iniciar sessão de alguém
step-ok = em ordem
step-warning = aviso
step-failed = falhou
step-not-run = não tentado
step-waiting = à espera
step-running = em curso
step-time = { $time } ms
step-answer = O diretório disse:
step-certificates = Certificados que mostrou
certificate-of = De
certificate-by = Emitido por
certificate-good-until = Válido até
attempt-connected = ligado
fix-take = Usar { $value }
fix-start-tls = Ativar StartTLS
fix-start-tls-with = Usar { $value } com StartTLS
fix-trust = A impressão digital está certa: confiar nesta autoridade
fix-preset = Preencher com o que se adequa a { $vendor }
samples = Como ficariam as pessoas
sample-user = Nome de utilizador
sample-name = Nome
sample-address = Endereço SIP
sample-mail = Correio
sample-number = Telefone
conflict-name = não serve para um endereço SIP
conflict-user-twice = nome repetido
conflict-mail-twice = correio repetido
conflict-lacks = falta algo
groups-found = Os maiores grupos
group-name = Grupo
group-listed = Membros na lista
group-people = Pessoas conhecidas aqui
save = Guardar
save-done = Guardado e em uso. O diretório está a ser lido; “Sincronização” mostra o resultado.
save-intro = Ao guardar, são testadas mais uma vez e postas em uso de imediato.
save-fails = Não foi guardado, porque não funciona: veja abaixo que passo falhou.
save-anyway = Guardar embora não funcione.
save-anyway-hint = As pessoas conhecidas continuam a trabalhar; ninguém novo pode iniciar sessão enquanto o diretório não responder.
save-password = Escreva de novo a palavra-passe: iria para outro servidor, ou de outra forma.
save-wrong = Não é possível guardar isto: { $why }

# Leituras
sync-title = Sincronização
sync-now = Sincronizar agora
sync-done = O diretório foi sincronizado.
sync-applied = Está feito: quem continua fora do diretório saiu. As contas e as mensagens mantêm-se.
sync-kept = Ficam.
sync-refused = Não é possível como as coisas estão: talvez não haja diretório, ou ele já diga outra coisa.
sync-failed = O diretório não pôde ser lido, por isso nada mudou. Veja acima o que se passa.
runs = Últimas sincronizações
runs-hint = As sincronizações seguidas em que nada mudou partilham uma linha.
runs-none = O diretório ainda não foi lido.
run-last = Última
run-outcome = Resultado
run-changes = Alterações
run-people = Pessoas
run-by = Iniciada por
run-times = Vezes
run-took = Duração
run-applied = feita
run-partly = em parte
run-failed = falhou
run-by-server = o servidor
run-nothing = nada
run-nothing-failed = nada: fica tudo como estava
run-added = { $count } novas
run-changed = { $count } alteradas
run-returned = { $count } desbloqueadas
run-disabled = { $count } bloqueadas
run-absent = { $count } desaparecidas
run-replaced = { $count } substituídas
run-held = { $count } retidas
preview = O que uma sincronização mudaria
preview-do = Ver o que mudaria
preview-summary = { $people ->
    [one] O diretório tem uma pessoa na lista
   *[other] O diretório tem { $shown } pessoas na lista
}; aqui conheciam-se { $known }.
preview-changed-nothing = Nada foi alterado.
preview-anew = O diretório ainda não tinha sido lido com estas definições.
preview-held = { $count ->
    [one] Uma delas ficaria até decidir.
   *[other] { $shown } delas ficariam até decidir: são demasiadas de uma vez.
}
preview-nothing = Não mudaria nada.
kind-what = O que é diferente
kind-more = e mais { $count }
kind-added = { $count ->
    [one] Uma pessoa nova
   *[other] { $shown } pessoas novas
}
kind-changed = { $count ->
    [one] Uma pessoa descrita de outra forma
   *[other] { $shown } pessoas descritas de outra forma
}
kind-returned = { $count ->
    [one] Uma pessoa que já não está lá bloqueada
   *[other] { $shown } pessoas que já não estão lá bloqueadas
}
kind-disabled = { $count ->
    [one] Uma pessoa que agora está lá bloqueada
   *[other] { $shown } pessoas que agora estão lá bloqueadas
}
kind-absent = { $count ->
    [one] Uma pessoa que já lá não está
   *[other] { $shown } pessoas que já lá não estão
}
kind-replaced = { $count ->
    [one] Um nome que agora é de outra pessoa
   *[other] { $shown } nomes que agora são de outras pessoas
}
proposal = Para decidir
proposal-many = { $count ->
    [one] O diretório poria fora uma pessoa
   *[other] O diretório poria fora { $shown } pessoas de uma vez
}, de { $known }.
proposal-nobody = O diretório não tem absolutamente ninguém na lista; sairiam { $shown } de { $known } pessoas.
proposal-means = Parece um engano, por isso ninguém foi posto fora: todas continuam a trabalhar.
proposal-since = Desde
proposal-kept-by = { $name } decidiu que ficam.
proposal-keep = Manter todas as { $count }
proposal-keep-hint = Ficam até voltarem à lista, ou até que afinal as deixe sair.
proposal-apply = Deixar sair { $count }
proposal-apply-hint = Quem continuar ausente quando o diretório for agora lido sai de imediato: os registos terminam. As contas, os dispositivos e as mensagens mantêm-se e voltam com a pessoa.
proposal-count = Escreva quantas são ({ $count })
proposal-count-wrong = Não são tantas.
proposal-gone = Essa proposta já não existe: o diretório já diz outra coisa.
