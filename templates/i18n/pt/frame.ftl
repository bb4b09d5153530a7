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
faults = Corrija primeiro o seguinte:
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

# Navegação
nav-overview = Visão geral
dashboard-title = Painel

# Listas
pager = Páginas desta lista
pager-first = Primeira página
pager-next = Página seguinte
