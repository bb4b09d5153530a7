# A moldura
skip = Saltar para o conteúdo
menu = Menu
preferences = Idioma e aspeto
language = Idioma
theme = Aspeto
theme-auto = Como o dispositivo
theme-light = Claro
theme-dark = Escuro
signed-in-as = Sessão iniciada como { $name }
sign-out = Terminar sessão
go-back = Voltar ao início
faults = Isto não foi aceite:
role-owner = Proprietário
role-admin = Administrador
role-helpdesk = Apoio ao utilizador
role-readonly = Só leitura

# Erros
error-not-found = Esta página não existe
error-not-found-detail = O endereço pode ter um erro, ou a página já não existe.
error-no-owner = Este servidor ainda não tem proprietário
error-no-owner-detail = A consola abre-se com uma ligação de instalação. Execute “tagus setup-link” no servidor: mostra uma ligação que serve durante 30 minutos.
error-signed-out = A sessão terminou
error-signed-out-detail = Inicie sessão de novo; o que enviou não foi executado.
error-forbidden = Isto não é permitido
error-forbidden-detail = A sua função não o permite, ou o formulário é demasiado antigo. Carregue a página de novo e volte a tentar.
error-too-many = Demasiadas tentativas
error-too-many-detail = Espere um pouco e volte a tentar.
error-name = Este servidor tem outro nome
error-name-detail = O endereço no navegador indica uma máquina que não é este servidor.
error-server = Algo falhou aqui
error-server-detail = O servidor não conseguiu fazer isto. O registo dele diz mais.
error-request = O pedido não pode ser executado
error-request-detail = O que o navegador enviou não é o que esta página aceita.

# A primeira página
landing-title = Mensagens
landing-heading = Mensagens em { $domain }
landing-intro = Este é o servidor de mensagens instantâneas do campus. Qualquer cliente SIP o pode usar.
landing-connect = Ligar um cliente
landing-address = Endereço
landing-name = nome
landing-address-detail = com o nome e a palavra-passe que recebeu
landing-domain = Domínio
landing-proxy = Proxy
landing-trust = Confiar neste servidor
landing-trust-detail = O certificado vem de uma autoridade própria, que o seu dispositivo ainda não conhece. Instale uma vez o certificado da autoridade e compare o SHA-256 com o que o administrador lhe indicar.
landing-trust-crt = para telefones e navegadores
landing-trust-pem = para programas que querem PEM
landing-no-owner = Este servidor ainda não tem proprietário.
landing-no-owner-detail = Quem o instalou abre a ligação de instalação que ele escreveu no registo, ou pede uma nova:
landing-console = Administração

# Iniciar sessão
sign-in-title = Iniciar sessão
sign-in = Iniciar sessão
sign-in-name = Nome
password = Palavra-passe
code = Código
sign-in-code-hint = Os seis dígitos do seu autenticador, ou um código de recuperação. Deixe vazio se a sua conta não tem nenhum.
sign-in-lost = Perdeu o acesso? Quem pode abrir a pasta de dados do servidor executa
sign-in-wrong = O nome, a palavra-passe ou o código está errado.
sign-in-directory-down = O diretório não responde neste momento, pelo que as suas pessoas não podem iniciar sessão.
sign-in-wait = Demasiadas tentativas. Volte a tentar dentro de { $minutes ->
    [one] um minuto
   *[other] { $minutes } minutos
}.
sign-in-impossible = De momento ninguém pode iniciar sessão; o registo do servidor diz porquê.

# Instalação
setup-title = Instalar o Tagus
setup-step-owner = Passo 1 de 4: o proprietário
setup-step-code = Passo 2 de 4: o autenticador
setup-intro = Este servidor responde por { $domain }. Escolha quem é o proprietário. Um proprietário pode fazer tudo; outras funções podem ser acrescentadas depois.
setup-recovers = Este servidor já tem um proprietário. Esta ligação cria outro, ou dá a uma conta existente uma nova palavra-passe e a função de proprietário.
setup-name-hint = Só para a consola; não é um endereço SIP.
setup-continue = Continuar
setup-again = Outra pessoa começou com esta ligação, ou demorou demasiado. Indique de novo o nome e a palavra-passe.

# Palavras-passe e códigos
password-hint = Pelo menos 12 caracteres. Algumas palavras que só a si ocorreria juntar são boas.
password-present = Palavra-passe atual
password-new = Nova palavra-passe
password-again = A mesma outra vez
password-differs = As duas palavras-passe não são iguais.
password-short = A palavra-passe precisa de pelo menos 12 caracteres.
password-unusable = Esta palavra-passe não pode ser usada; é demasiado longa.
password-wrong = A palavra-passe atual está errada.
name-unusable = Este nome não pode ser usado. Letras, algarismos, ponto, hífen e sublinhado são bons.
code-title = Autenticador
code-scan = Leia isto com uma aplicação de autenticação no seu telefone.
code-type = Sem câmara? Escreva esta chave
code-enter = Escreva o código que a aplicação mostra agora.
code-hint = Seis dígitos
code-confirm = Confirmar
code-wrong = O código não serve. Verifique o relógio do telefone e escreva o código que ele mostra agora.
code-began-anew = A chave já não é válida; esta é nova.
recovery-title = Códigos de recuperação
recovery-detail = Cada um serve uma vez em lugar do código, se perder o telefone. São mostrados só agora: imprima-os, ou guarde-os num gestor de palavras-passe.
recovery-next = Já os guardei
busy = O servidor está ocupado. Volte a tentar dentro de momentos.
failed = O servidor não conseguiu fazer isto; o registo dele diz porquê.

# A própria conta
account-title = A sua conta
account-password = Mudar a palavra-passe
account-ends-sessions = As suas outras sessões terminam com isso.
account-password-done = A palavra-passe foi mudada e as suas outras sessões terminaram.
account-code = Segundo fator
account-code-on = Ao iniciar sessão é pedido um código do seu autenticador.
account-code-off = Para iniciar sessão basta a palavra-passe. Um código do seu telefone impede a entrada de outros, mesmo que a descubram.
account-code-set = Configurar um autenticador
account-code-renew = Configurar outro
account-code-drop = Desistir do segundo fator
account-code-drop-detail = A partir daí basta a palavra-passe para iniciar sessão.
account-code-done = O segundo fator foi retirado.
account-recovery-left = { $count ->
    [one] Resta um código de recuperação.
   *[other] Restam { $count } códigos de recuperação.
}
account-of-directory = Iniciou sessão através do diretório; a palavra-passe muda-se lá.
role = Função
last-sign-in = Última sessão
sessions = Sessões
session-browser = Navegador
session-source = Endereço
session-since = Iniciada
session-used = Usada pela última vez
session-this = esta
session-end = Terminar
session-end-others = Terminar todas as outras sessões
session-ended = A sessão terminou.

# Navegação
nav-overview = Visão geral
dashboard-title = Painel

# Painel
attention = Precisa de atenção
now = Agora
checklist = Terminar a instalação
checklist-done = Feito:
checklist-open = Por fazer:
listening = Onde responde
service = Serviço
address = Endereço
tile-devices = Dispositivos
tile-people = Pessoas
tile-presence = Presença
tile-held = Mensagens à espera
tile-directory = Diretório
tile-certificate = Certificado
tile-store = Armazenamento
devices-count = { $count ->
    [one] { $count } contacto registado
   *[other] { $count } contactos registados
}
watching-count = { $count ->
    [one] { $count } subscrição
   *[other] { $count } subscrições
}
people-note = contas guardadas
presence-note = estados publicados
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
certificate-until = válido até { $date }
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
check-certificate-open = Vem de uma autoridade própria deste servidor: é preciso dizer aos dispositivos que confiem nela. Defina tls.cert_file e tls.key_file, ou permita tls.acme.
check-people = Pessoas.
check-people-done = Há pessoas que podem iniciar sessão.
check-people-open = Ainda ninguém pode iniciar sessão. Importe uma lista com “tagus user import”, acrescente uma pessoa com “tagus user add”, ou ligue o diretório.
check-directory = Diretório.
check-directory-done = Está ligado.
check-directory-open = Nenhum está ligado. Defina [identity.ldap] na configuração e experimente com “tagus ldap test”; sem ele, as contas são locais.
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
