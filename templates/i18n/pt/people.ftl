# A lista de pessoas
nav-people = Pessoas
people-title = Pessoas
people-search = Nome, utilizador, correio ou número
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
people-none = Ainda não há ninguém. Acrescente uma pessoa, importe uma lista ou ligue o diretório.
people-none-found = Ninguém corresponde ao que procura. Outras palavras, ou menos filtros, podem encontrar alguém.
people-add = Acrescentar uma pessoa
people-add-another = Acrescentar outra
people-import = Importar uma lista
people-export = Exportar contas como CSV
people-table = Esta lista em CSV
people-user = Utilizador
people-mail = Correio
people-back = Voltar à lista
people-tick = Assinalar
people-tick-all = Assinalar todas nesta página
people-many = Com muitas pessoas
people-whom = Com quem
people-ticked = As que estão assinaladas
people-all = Todas as { $count } que foram encontradas
people-disable = Desativar
people-enable = Ativar
people-delete = Eliminar

# Uma pessoa
people-of-name = Nome
people-of-name-hint = Como os outros o veem; se faltar, é o nome de utilizador.
people-of-user = Nome de utilizador
people-of-user-hint = A parte antes de @{ $domain }: letras, algarismos, ponto, hífen, sublinhado.
people-of-user-missing = Escreva um nome de utilizador.
people-of-user-unusable = Ninguém se pode chamar assim. Um nome de utilizador não tem espaços nem @ : ; ? " \ < > , / % #
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
people-of-seen = Vista
people-of-now = Registada
people-of-deleted = A pessoa foi eliminada.
people-of-of-directory = Isto é do diretório; altere-o lá.

# Palavras-passe das pessoas
people-of-password = Palavra-passe
people-of-password-made = Gerar uma
people-of-password-made-detail = É mostrada uma vez, para ser entregue.
people-of-password-typed = Esta
people-of-password-typed-detail = Escreva-a em baixo.
people-of-password-none = Nenhuma: só dispositivos
people-of-password-none-detail = Cada dispositivo recebe uma palavra-passe própria na página da pessoa.
people-of-password-this = A palavra-passe
people-of-password-only-typed = Só se escolheu “Esta”.
people-of-password-kind = Escolha de onde vem a palavra-passe.
people-of-password-missing = Escreva uma palavra-passe.
people-of-password-unusable = Isto não pode ser uma palavra-passe: é demasiado longa, ou tem carateres que não se podem escrever.
people-of-password-once = A palavra-passe é mostrada só desta vez. Entregue-a agora; não fica guardada tal como é.
people-of-password-new = Nova palavra-passe
people-of-password-detail = Inicia a sessão dos clientes SIP. As palavras-passe dos dispositivos ficam como estão.
people-of-password-change = Alterar palavra-passe
people-of-password-make = Gerar uma e mostrar
people-of-password-set = A palavra-passe foi alterada
people-of-made = A pessoa foi acrescentada
people-of-to-page = A página da pessoa

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
people-of-disable-detail = Nada mais inicia sessão, e os registos, as subscrições e as publicações terminam de imediato. As mensagens e os dispositivos ficam guardados, para que se possa voltar atrás.
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
many-not = Deixar tudo como está

# Grupos
groups-title = Grupos
groups-detail = Os grupos do diretório são lidos de lá. Um grupo daqui existe enquanto alguém estiver nele; as pessoas recebem grupos quando são acrescentadas, alteradas ou importadas.
groups-search = Procurar um grupo
groups-count = { $count ->
    [one] { $count } grupo
   *[other] { $count } grupos
}
groups-more = São mostrados os primeiros { $count }.
groups-here = Definidos aqui
groups-directory = No diretório
groups-none = Ainda não há nenhum grupo. Um grupo aparece quando uma pessoa o tem, ou quando os grupos do diretório são lidos.
groups-none-found = Nenhum grupo se chama assim.
groups-all = Mostrar todos os grupos

# Importação
import-title = Importar pessoas
import-detail = Traga uma tabela em CSV. Primeiro é só experimentada: vê o que aconteceria a cada linha antes de algo mudar.
import-file = Ficheiro
import-file-hint = CSV com vírgulas ou ponto e vírgula, até 16 MiB, em UTF-8 ou como o Excel o guarda.
import-paste = Ou cole aqui as linhas
import-mode = Se já houver uma conta com esse nome
import-mode-missing = Escolha o que acontece às contas que já existem.
import-skip = Passar a linha à frente
import-update = Dar à conta o que a linha tem
import-fail = Indicar a linha como falhada
import-nothing = Escolha um ficheiro, ou cole linhas com um cabeçalho.
import-try = Experimentar
import-try-hint = Ainda nada é alterado.
import-columns = Colunas
import-columns-detail = A primeira linha dá nome às colunas, por qualquer ordem. Só user é necessária.
import-user = O nome de utilizador, ou um endereço deste domínio.
import-texts = Como na página de uma pessoa.
import-groups = Nomes, separados por espaços ou ponto e vírgula.
import-password = A palavra-passe tal como é; sem ela, a pessoa só inicia sessão por dispositivos.
import-hashes = No lugar da palavra-passe: o que têm as tabelas de assinantes de outros servidores SIP.

# Trabalhos
jobs-title = Trabalhos
jobs-detail = Trabalhos longos das últimas 24 horas. Continuam quando sai da página; um reinício do servidor termina-os.
jobs-none = Não houve trabalhos longos nas últimas 24 horas.
job-what = Trabalho
job-trial = Ensaio de uma importação
job-import = Importação
job-disable = Desativação de pessoas
job-enable = Ativação de pessoas
job-delete = Eliminação de pessoas
job-running = Em curso
job-done = Terminado
job-done-partly = Terminado, com exceções
job-failed = Interrompido
job-cancelled = Terminado à mão
job-by = Pedido por
job-started = Início
job-ended = Fim
job-progress = { $done } de { $total }
job-cancel = Terminar
job-added = Acrescentadas
job-updated = Alteradas
job-changed = Alteradas
job-removed = Eliminadas
job-skipped = Passadas à frente
job-failures = Falhadas
job-tried = Eis o que aconteceria. Ainda nada foi alterado.
job-run = Importar agora
job-try-again = Experimentar de novo
job-busy = Já há tanto em curso que nada mais pode começar. Espere que um trabalho termine, ou termine um.
job-gone = O que foi experimentado já cá não está: fica guardado durante uma hora. Traga-o de novo.
job-not-done = O que falhou
job-result = Descarregar como CSV
job-line = Linha
job-reason = Motivo
job-more = O ficheiro tem o resto.
