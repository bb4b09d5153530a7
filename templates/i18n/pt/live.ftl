# O que várias páginas sobre o presente partilham
nav-messaging = Mensagens
search = Procurar
show-all = Mostrar tudo
and-more = { $count ->
    [one] e mais { $count }
   *[other] e mais { $count }
}
span-seconds = { $count } s
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count ->
    [one] { $count } dia
   *[other] { $count } dias
}
device-anonymous = Um dispositivo sem nome

# Registos
registrations-title = Registos
registrations-search = Procurar um registo
registrations-search-hint = Uma pessoa, um endereço ou o nome que o dispositivo dá a si próprio.
registrations-total = { $count ->
    [one] { $count } registo
   *[other] { $count } registos
}
registrations-none = Ninguém está registado neste momento. Assim que alguém iniciar sessão num dispositivo, este aparece aqui.
registrations-none-found = Nenhum registo corresponde.
registration-person = Pessoa
registration-device = Dispositivo
registration-address = Endereço
registration-agent = Programa
registration-since = Desde
registration-left = Termina em
registration-bound = termina com a sua ligação
registration-flow = ligação própria, fluxo { $flow }
registration-path = através de
registration-end = Terminar
registration-end-note = Um registo terminado pode voltar na próxima tentativa do dispositivo. Para afastar um dispositivo, revogue-o; para afastar uma pessoa, desative a conta.
registration-ended = O registo terminou.

# Fila de mensagens
queue-title = Fila de mensagens
queue-about = Mensagens para pessoas cujos dispositivos estavam ausentes. São entregues assim que um dispositivo se regista e eliminadas quando expiram. O texto nunca é mostrado.
queue-search = Procurar uma pessoa
queue-search-hint = Uma parte do nome ou do nome de utilizador.
queue-total = { $messages ->
    [one] { $messages } mensagem
   *[other] { $messages } mensagens
} para { $people ->
    [one] { $people } pessoa
   *[other] { $people } pessoas
}, primeiro quem espera há mais tempo
queue-none = Não há mensagens à espera: está tudo entregue.
queue-none-found = Não há mensagens à espera para ninguém com esse nome.
queue-person = Pessoa
queue-count = Mensagens
queue-oldest = Mais antiga
queue-first-expiry = Próxima a expirar
queue-size = Tamanho
queue-here = Dispositivos
queue-is-here = Registado
queue-is-away = Ausente
queue-back = Fila de mensagens
queue-of-title = À espera de
queue-of-summary = { $count ->
    [one] { $count } mensagem
   *[other] { $count } mensagens
}, { $size }.
queue-of-none = Nenhuma mensagem espera por esta pessoa.
queue-to-person = Ir para a pessoa
held-sender = De
held-received = Recebida
held-expires = Expira
held-tries = Tentativas
held-devices = Espera por
held-notification = Recibo de entrega
held-anybody = o próximo dispositivo novo
held-being-sent = A ser enviada
held-partly = Alguns dispositivos já a têm
held-waiting = Nenhum dispositivo a tem
held-deliver = Entregar agora
held-offered = As mensagens foram oferecidas aos dispositivos registados. Carregue a página de novo para ver o que resta.
held-nobody-here = Nenhum dispositivo desta pessoa está registado. As mensagens seguem assim que houver um.
held-drop = Eliminar
held-drop-detail = A mensagem é eliminada para todos os dispositivos. Não é possível desfazer.
held-drop-confirm = Eliminar a mensagem
held-drop-all = Eliminar todas as mensagens
held-drop-all-detail = Tudo o que espera por esta pessoa é eliminado. Os remetentes que pediram para saber são avisados de que as suas mensagens não chegaram. Não é possível desfazer.
held-drop-all-label = Escreva { $user } para confirmar
held-drop-all-name = Escreva o nome de utilizador exatamente como é mostrado.
held-dropped = Eliminado.
held-tries-note = As tentativas são contadas desde o arranque do servidor.

# Bloqueios e limites
bans-title = Bloqueios e limites
bans-about = As falhas ao iniciar sessão são contadas primeiro por pessoa e endereço, para que muitas pessoas atrás de um só endereço do campus não se bloqueiem umas às outras. Um endereço só é bloqueado por inteiro após muitas mais falhas, e quem já iniciou sessão a partir dele continua a entrar.
bans-now = Bloqueios em vigor
bans-total = { $count ->
    [one] { $count } bloqueio
   *[other] { $count } bloqueios
}
bans-none = Ninguém está bloqueado.
bans-lift-all = Levantar todos os bloqueios
bans-lift-all-detail = Todos podem tentar de novo de imediato, incluindo quem estava a adivinhar palavras-passe.
bans-lifted = Levantado: já podem tentar de novo.
bans-no-source = Indique o bloqueio a levantar.
bans-not-confirmed = Confirme que quer levantar todos os bloqueios.
ban-source = Endereço
ban-account = Pessoa
ban-until = Até
ban-lift = Levantar
ban-everybody = Todos os que nunca iniciaram sessão a partir dele
failing = Perto de um bloqueio
failing-none = Ninguém se enganou na palavra-passe ultimamente.
failing-failures = Falhas
failing-count = { $count } de { $most }
bounds = Limites em vigor
bounds-about = Cada limite é uma definição, que se encontra nas definições pela chave aqui mostrada.
bound-meaning = Limite
bound-value = Valor
bound-key = Chave
bound-failures-pair = Falhas de uma pessoa a partir de um endereço até ao bloqueio
bound-failures-source = Falhas a partir de um endereço até este ser bloqueado por inteiro
bound-failure-window = Tempo em que as falhas são contadas
bound-ban-time = Duração de um bloqueio
bound-source-rate = Pedidos por segundo de um endereço antes de alguém iniciar sessão
bound-source-burst = Pedidos de uma só vez de um endereço
bound-message-rate = Mensagens por segundo de uma pessoa
bound-message-burst = Mensagens de uma só vez de uma pessoa
bound-connections-source = Ligações de um endereço em que ninguém iniciou sessão
bound-connections-strangers = Total de ligações em que ninguém iniciou sessão
bound-connections-total = Total de ligações
bound-subscriptions = Subscrições de uma pessoa
bound-watchers = Observadores de uma pessoa
bound-contacts = Registos de uma pessoa
bound-held = Mensagens que esperam por uma pessoa
bound-held-sender = Mensagens de um remetente que esperam por uma pessoa (0: um quinto delas)
bound-retention = Quanto tempo espera uma mensagem
bound-console-idle = Quanto tempo dura uma sessão desta consola sem pedidos
