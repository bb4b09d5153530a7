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
setup-intro = Este servidor responde por { $domain }. Escolha quem é o proprietário. Um proprietário pode fazer tudo; outras funções podem ser adicionadas depois.
setup-recovers = Este servidor já tem um proprietário. Esta ligação cria outro, ou dá a uma conta existente uma nova palavra-passe e a função de proprietário.
setup-name-hint = Só para a consola; não é um endereço SIP.
setup-continue = Continuar
setup-again = Outra pessoa começou com esta ligação, ou demorou demasiado. Indique de novo o nome e a palavra-passe.
