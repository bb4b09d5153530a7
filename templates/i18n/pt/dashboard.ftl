# Painel
attention = Precisa de atenção
now = Agora
checklist = Terminar a instalação
checklist-done = Feito:
checklist-open = Por fazer:
listening = Onde responde
service = Serviço
address = Endereço
tile-devices = Dispositivos registados
tile-people = Pessoas em linha
tile-held = Mensagens à espera
tile-directory = Diretório
tile-certificate = Certificado
tile-store = Armazenamento
watching-count = { $count ->
    [one] { $count } subscrição
   *[other] { $count } subscrições
}
held-note = para pessoas ausentes
directory-off = nenhum
directory-off-note = só contas locais
directory-up = ligado
directory-degraded = com problemas
directory-down = em baixo
certificate-internal = autoridade própria
certificate-files = de ficheiros
certificate-acme = ACME
certificate-none = nenhum
store-ok = em ordem
store-read-only = só leitura
store-failed = falhou
attention-directory = O diretório não responde como devia: { $detail }
attention-certificate = O certificado: { $detail }
attention-store = O armazenamento não aceita alterações: { $detail }
attention-space = O volume está quase cheio.
attention-memory = Falta memória: novas pessoas não são atendidas até que melhore.
attention-md5 = { $count ->
    [one] Uma conta veio só com um hash MD5, pelo que nada mais forte é oferecido a ninguém. Dê-lhe uma nova palavra-passe.
   *[other] { $count } contas vieram só com hashes MD5, pelo que nada mais forte é oferecido a ninguém. Dê-lhes novas palavras-passe.
}
attention-no-code = A sua conta não tem segundo fator.
check-certificate = Certificado.
check-certificate-done = Vem dos ficheiros ou da autoridade que escolheu.
check-certificate-open = Vem de uma autoridade própria deste servidor: é preciso dizer aos dispositivos que confiem nela. Instale um seu, ou deixe obter um de uma autoridade ACME.
check-people = Pessoas.
check-people-done = Há pessoas que podem iniciar sessão.
check-people-open = Ainda ninguém pode iniciar sessão. Adicione pessoas, importe uma lista ou ligue o diretório.
check-directory = Diretório.
check-directory-done = Está ligado.
check-directory-open = Nenhum está ligado; as contas são locais. Se o seu campus tem um diretório LDAP, experimente aqui as definições antes de as usar.
check-owner = Segundo proprietário.
check-owner-done = Há mais de um proprietário.
check-owner-open = Só um proprietário pode iniciar sessão. Se essa pessoa faltar, só “tagus setup-link” no servidor abre a consola.
check-code = Segundo fator.
check-code-done = A sua conta tem um.
check-code-open = A sua conta inicia sessão só com a palavra-passe.
check-code-link = Configurar
version-line = Tagus { $version }, em funcionamento há { $hours ->
    [0] menos de uma hora
    [one] uma hora
   *[other] { $hours } horas
}, com { $workers ->
    [one] um fio de trabalho
   *[other] { $workers } fios de trabalho
}
attention-none = Nada precisa de atenção.
attention-people-held = { $count ->
    [one] O diretório deixou de listar uma pessoa que lá estava. Ninguém foi excluído: decida sobre isso.
   *[other] O diretório deixou de listar { $count } pessoas que lá estavam. Ninguém foi excluído: decida sobre elas.
}
attention-slow-directory = O diretório responde devagar: 5 % das respostas demoram mais de meio segundo.
attention-slow-delivery = As mensagens chegam devagar: 5 % demoram mais de um segundo.
attention-slow-disk = O disco está lento: 5 % das escritas demoram mais de um quarto de segundo.
to-charts = Ver os gráficos
to-directory = Abrir o diretório
to-decide = Decidir
to-certificates = Abrir os certificados
to-people = Abrir a lista de pessoas
past = Últimas 24 horas
past-hours = Últimas 2 horas
past-more = Mais gráficos
live-off = Estes valores não estão a ser atualizados neste momento. Recarregue a página para ver novos.
tile-messages = Mensagens por minuto
messages-within = 95 % chegam em { $time }
messages-none = nenhuma no último minuto
tile-people-count = { $count ->
    [one] de { $count } conta
   *[other] de { $count } contas
}
directory-hits = { $share } % respondido de memória
tile-certificate-days = { $count ->
    [one] falta { $count } dia
   *[other] faltam { $count } dias
}
certificate-ends-now = menos de um dia
store-within = 95 % das escritas em { $time }
check-dns = DNS.
check-dns-done = Os clientes encontram este servidor pelo domínio.
check-dns-open = Os clientes só encontram este servidor pelo domínio depois de existirem estes registos.
to-dns = Ver os registos
messages-indirect = nenhuma diretamente para um dispositivo
certificate-far = mais de 3 anos
to-team = Adicionar um proprietário
