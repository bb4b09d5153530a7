# A lista de pessoas
nav-people = Pessoas
people-title = Pessoas
people-search = Procurar uma pessoa
people-search-hint = Nome, utilizador, correio ou número.
people-find = Procurar
people-any = Qualquer
people-limit = Por página
people-registered = Registado agora
people-registered-yes = Sim
people-registered-no = Não
people-everybody = Mostrar todas
people-count = { $count ->
    [one] { $count } pessoa
   *[other] { $count } pessoas
}
people-more = Mais de { $count } pessoas
people-none = Ainda não há ninguém. Adicione uma pessoa, importe uma lista ou ligue o diretório.
people-none-found = Ninguém corresponde. Experimente outras palavras ou menos filtros.
people-add = Adicionar uma pessoa
people-add-another = Adicionar outra
people-import = Importar uma lista
people-export = Exportar contas em CSV
people-table = Transferir esta lista em CSV
people-user = Utilizador
people-mail = Correio
people-back = Pessoas
people-tick = Assinalar
people-tick-all = Assinalar todas nesta página
people-many = Várias pessoas de uma vez
people-whom = Quais
people-ticked = As assinaladas acima
people-all = Todas as { $count } encontradas
people-disable = Desativar
people-enable = Ativar
people-delete = Eliminar

# Uma pessoa
people-of-name = Nome
people-of-name-hint = Como os outros o veem. Sem ele, veem o nome de utilizador.
people-of-user = Nome de utilizador
people-of-user-hint = A parte antes de @{ $domain }: letras, algarismos, pontos, hífenes, sublinhados.
people-of-user-missing = Escreva um nome de utilizador.
people-of-user-unusable = Isto não pode ser um nome de utilizador: não pode ter espaços nem @ : ; ? " \ < > , / % #
people-of-user-taken = Já há alguém com este nome, aqui ou no diretório.
people-of-address = Endereço
people-of-mail = Correio eletrónico
people-of-number = Número de telefone
people-of-number-hint = Vários separam-se por ponto e vírgula.
people-of-number-unusable = Isto não é um número de telefone. Vários separam-se por ponto e vírgula.
people-of-number-taken = { $user } já tem este número.
people-of-too-long = Isto é demasiado longo.
people-of-group = Grupo
people-of-groups = Grupos
people-of-groups-hint = Nomes, separados por vírgulas ou espaços.
people-of-source = Origem
people-of-local = Local
people-of-directory = Diretório
people-of-state = Estado
people-of-active = Ativa
people-of-disabled = Desativada
people-of-locked-there = Bloqueada no diretório
people-of-absent = Fora do diretório
people-kept-in = Mantida
people-of-devices = Dispositivos
people-of-seen = Última vez
people-of-now = Registada
people-of-deleted = A pessoa foi eliminada.
people-of-of-directory = Isto vem do diretório; altere-o lá.

# Palavras-passe das pessoas
people-of-password = Palavra-passe
people-of-password-made = Gerar uma
people-of-password-made-detail = É mostrada uma vez, para ser entregue.
people-of-password-typed = Usar esta
people-of-password-typed-detail = Escreva-a em baixo.
people-of-password-none = Nenhuma: só dispositivos
people-of-password-none-detail = Cada dispositivo recebe uma palavra-passe própria na página da pessoa.
people-of-password-this = A palavra-passe
people-of-password-only-typed = Só se escolheu “Usar esta”.
people-of-password-kind = Escolha de onde vem a palavra-passe.
people-of-password-missing = Escreva uma palavra-passe.
people-of-password-unusable = Isto não pode ser uma palavra-passe: é demasiado longa, ou tem caracteres que não se podem escrever.
people-of-password-once = A palavra-passe é mostrada só agora. Entregue-a; não fica guardada de forma legível.
people-of-password-new = Nova palavra-passe
people-of-password-detail = É com ela que os clientes SIP iniciam sessão. As palavras-passe dos dispositivos ficam como estão.
people-of-password-change = Alterar palavra-passe
people-of-password-make = Gerar uma e mostrá-la
people-of-password-set = A palavra-passe foi alterada
people-of-made = A pessoa foi adicionada
people-of-to-page = Voltar à pessoa

# Alterar uma pessoa
people-of-edit = Alterar uma pessoa
people-of-edited = As alterações estão guardadas.
people-of-save = Guardar
people-of-from-directory = Esta pessoa vem do diretório. O nome, o correio eletrónico, o número de telefone e os grupos são lidos de lá; para os alterar, altere o diretório.
people-of-access = Acesso
people-of-is-disabled = Esta pessoa está bloqueada, por alguém aqui ou pelo diretório.
people-of-enable = Ativar
people-of-enabled-now = A pessoa pode iniciar sessão de novo, a não ser que o diretório a tenha bloqueado.
people-of-disable = Desativar
people-of-disable-detail = A pessoa deixa de poder iniciar sessão: os registos, as subscrições e a presença terminam de imediato. As mensagens e os dispositivos ficam guardados, pelo que é possível voltar atrás.
people-of-disabled-now = A pessoa está bloqueada.
people-of-delete = Eliminar
people-of-delete-detail = A conta, os seus dispositivos, regras e mensagens são removidos. Não se pode voltar atrás.
people-of-delete-directory = O que aqui se guarda desta pessoa é removido: dispositivos, regras, mensagens, e também um bloqueio. É o diretório que decide se esta pessoa existe.
people-of-delete-type = Escreva o nome de utilizador para confirmar
people-of-delete-differs = Este não é o nome de utilizador desta pessoa.

# Muitas pessoas
many-disable = { $count ->
    [one] Desativar { $count } pessoa?
   *[other] Desativar { $count } pessoas?
}
many-enable = { $count ->
    [one] Ativar { $count } pessoa?
   *[other] Ativar { $count } pessoas?
}
many-enable-detail = Podem iniciar sessão de novo, a não ser que o diretório as tenha bloqueado.
many-delete = { $count ->
    [one] Eliminar { $count } pessoa?
   *[other] Eliminar { $count } pessoas?
}
many-delete-detail = As contas, os dispositivos, as regras e as mensagens são removidos. Não se pode voltar atrás. Das pessoas do diretório só é removido o que aqui se guarda.
many-more = e mais { $count }
many-nobody = Assinale primeiro alguém.
many-changed = Entretanto outros alteraram a lista: agora seriam { $count }. Veja-a de novo.
many-type = Escreva o número de pessoas para confirmar
many-type-hint = { $count } serão eliminadas.
many-typed-differs = Este não é o número de pessoas que seriam eliminadas.
many-not = Cancelar

# Grupos
groups-title = Grupos
groups-detail = Os grupos do diretório são lidos de lá. Um grupo daqui existe enquanto alguém estiver nele; as pessoas recebem grupos quando são adicionadas, alteradas ou importadas.
groups-search = Procurar um grupo
groups-count = { $count ->
    [one] { $count } grupo
   *[other] { $count } grupos
}
groups-more = São mostrados os primeiros { $count }.
groups-here = Membros definidos aqui
groups-directory = Membros no diretório
groups-none = Ainda não há nenhum grupo. Um grupo aparece quando uma pessoa o tem, ou quando os grupos do diretório são lidos.
groups-none-found = Nenhum grupo corresponde.
groups-all = Mostrar todos os grupos

# Importação
import-title = Importar pessoas
import-detail = Importe pessoas de uma tabela em CSV. Primeiro é só verificada: vê o que aconteceria a cada linha antes de algo mudar.
import-file = Ficheiro
import-file-hint = CSV com vírgulas ou ponto e vírgula, até 16 MiB, em UTF-8 ou como o Excel o guarda.
import-paste = Ou cole aqui as linhas
import-mode = Se a conta já existir
import-mode-missing = Escolha o que acontece às contas que já existem.
import-skip = Ignorar a linha
import-update = Atualizar a conta com a linha
import-fail = Indicar a linha como erro
import-nothing = Escolha um ficheiro, ou cole linhas com um cabeçalho.
import-try = Verificar a lista
import-try-hint = Ainda nada é alterado.
import-columns = Colunas
import-columns-detail = A primeira linha dá nome às colunas, por qualquer ordem. Só user é necessária.
import-user = O nome de utilizador, ou um endereço deste domínio.
import-texts = Como no formulário de uma pessoa.
import-groups = Nomes, separados por espaços ou ponto e vírgula.
import-password = A palavra-passe tal como se escreve; sem ela, a pessoa só inicia sessão com palavras-passe de dispositivos.
import-hashes = Em vez da palavra-passe: hashes, como nas tabelas de assinantes de outros servidores SIP.

# Trabalhos
jobs-title = Trabalhos
jobs-detail = Trabalhos demorados das últimas 24 horas. Continuam quando sai da página; um reinício do servidor termina-os.
jobs-none = Não houve trabalhos nas últimas 24 horas. As importações e as alterações a muitas pessoas aparecem aqui.
job-what = Trabalho
job-trial = Verificação de uma importação
job-import = Importação
job-disable = Desativação de pessoas
job-enable = Ativação de pessoas
job-delete = Eliminação de pessoas
job-running = Em curso
job-done = Terminado
job-done-partly = Terminado, com exceções
job-failed = Falhou
job-cancelled = Cancelado
job-by = Iniciado por
job-started = Início
job-ended = Fim
job-progress = { $done } de { $total }
job-cancel = Cancelar o trabalho
job-added = Adicionadas
job-updated = Alteradas
job-changed = Alteradas
job-removed = Eliminadas
job-skipped = Ignoradas
job-failures = Falhadas
job-tried = Isto é o que aconteceria. Ainda nada foi alterado.
job-run = Importar agora
job-try-again = Verificar de novo
job-busy = Há demasiados trabalhos em curso. Espere que um termine, ou cancele um.
job-gone = A lista verificada já não está aqui: fica guardada durante uma hora. Importe-a de novo.
job-not-done = O que falhou
job-result = Transferir em CSV
job-line = Linha
job-reason = Motivo
job-more = O ficheiro tem todos.
people-connect = Ligar o diretório
