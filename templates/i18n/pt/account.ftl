# Palavras-passe e códigos
password-hint = Pelo menos 12 caracteres; algumas palavras sem relação entre si são uma boa escolha.
password-present = Palavra-passe atual
password-new = Nova palavra-passe
password-again = Repita a palavra-passe
password-differs = As duas palavras-passe não são iguais.
password-short = A palavra-passe precisa de pelo menos 12 caracteres.
password-unusable = Esta palavra-passe não pode ser usada; é demasiado longa.
password-wrong = A palavra-passe atual está errada.
name-unusable = Este nome não pode ser usado. Use letras, algarismos, pontos, hífenes e sublinhados.
code-title = Autenticador
code-scan = Leia isto com uma aplicação de autenticação no seu telefone.
code-type = Sem câmara? Escreva esta chave
code-enter = Escreva o código que a aplicação mostra agora.
code-hint = Seis dígitos
code-confirm = Confirmar
code-wrong = O código não serve. Verifique o relógio do telefone e escreva o código que ele mostra agora.
code-began-anew = A chave anterior já não é válida; esta é nova.
recovery-title = Códigos de recuperação
recovery-detail = Cada um serve uma vez em lugar do código, se perder o telefone. São mostrados só agora: imprima-os, ou guarde-os num gestor de palavras-passe.
recovery-next = Já os guardei
busy = O servidor está ocupado. Volte a tentar dentro de momentos.
failed = O servidor não conseguiu fazer isto; o registo dele diz porquê.

# A própria conta
account-title = A sua conta
account-password = Mudar a palavra-passe
account-ends-sessions = As suas outras sessões terminam quando a mudar.
account-password-done = A palavra-passe foi mudada e as suas outras sessões terminaram.
account-code = Segundo fator
account-code-on = Ao iniciar sessão é pedido um código do seu autenticador.
account-code-off = Para iniciar sessão basta a palavra-passe. Um código do seu telefone impede a entrada de outros, mesmo que a descubram.
account-code-set = Configurar um autenticador
account-code-renew = Configurar outro autenticador
account-code-drop = Desativar o segundo fator
account-code-drop-detail = A partir daí basta a palavra-passe para iniciar sessão.
account-code-done = O segundo fator foi desativado.
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
session-since = Início
session-used = Última utilização
session-this = esta
session-end = Terminar
session-end-others = Terminar todas as outras sessões
session-ended = A sessão terminou.
