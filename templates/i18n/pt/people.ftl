# A lista de pessoas
nav-people = Pessoas
people-title = Pessoas
people-search = Procurar nome, nome de utilizador, correio eletrónico ou número
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
people-export = Exportar como CSV
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
person-name = Nome
person-name-hint = Como os outros o veem; se faltar, é o nome de utilizador.
person-user = Nome de utilizador
person-user-hint = A parte antes de @{ $domain }: letras, algarismos, ponto, hífen, sublinhado.
person-user-missing = Escreva um nome de utilizador.
person-user-unusable = Ninguém se pode chamar assim. Um nome de utilizador não tem espaços nem @ : ; ? " \ < > , / % #
person-user-taken = Já há alguém com este nome, aqui ou no diretório.
person-address = Endereço
person-mail = Correio eletrónico
person-number = Número de telefone
person-number-hint = Vários separam-se por ponto e vírgula.
person-number-unusable = Isto não é um número de telefone. Vários separam-se por ponto e vírgula.
person-number-taken = { $user } já tem este número.
person-too-long = Isto é demasiado longo.
person-group = Grupo
person-groups = Grupos
person-groups-hint = Nomes, separados por vírgulas ou espaços.
person-source = Origem
person-local = Local
person-directory = Diretório
person-state = Estado
person-active = Ativa
person-disabled = Desativada
person-locked-there = Bloqueada no diretório
person-absent = Fora do diretório
person-held = Mantida
person-devices = Dispositivos
person-seen = Vista
person-now = Registada
person-deleted = A pessoa foi eliminada.
person-of-directory = Isto é do diretório; altere-o lá.

# Palavras-passe das pessoas
person-password = Palavra-passe
person-password-made = Gerar uma
person-password-made-detail = É mostrada uma vez, para ser entregue.
person-password-typed = Esta
person-password-typed-detail = Escreva-a em baixo.
person-password-none = Nenhuma: só dispositivos
person-password-none-detail = Cada dispositivo recebe uma palavra-passe própria na página da pessoa.
person-password-this = A palavra-passe
person-password-only-typed = Só se escolheu “Esta”.
person-password-kind = Escolha de onde vem a palavra-passe.
person-password-missing = Escreva uma palavra-passe.
person-password-unusable = Isto não pode ser uma palavra-passe: é demasiado longa, ou tem carateres que não se podem escrever.
person-password-once = A palavra-passe é mostrada só desta vez. Entregue-a agora; não fica guardada tal como é.
person-password-new = Nova palavra-passe
person-password-detail = Inicia a sessão dos clientes SIP. As palavras-passe dos dispositivos ficam como estão.
person-password-change = Alterar palavra-passe
person-password-make = Gerar uma e mostrar
person-password-set = A palavra-passe foi alterada
person-made = A pessoa foi acrescentada
person-to-page = A página da pessoa

# Alterar uma pessoa
person-edit = Alterar uma pessoa
person-edited = As alterações estão guardadas.
person-save = Guardar
person-from-directory = Esta pessoa vem do diretório. O nome, o correio eletrónico, o número de telefone e os grupos são lidos de lá; para os alterar, altere o diretório.
person-access = Acesso
person-is-disabled = Esta pessoa está bloqueada, por alguém aqui ou pelo diretório.
person-enable = Ativar
person-enabled-now = A pessoa pode iniciar sessão de novo, a não ser que o diretório a tenha bloqueado.
person-disable = Desativar
person-disable-detail = Nada mais inicia sessão, e os registos, as subscrições e as publicações terminam de imediato. As mensagens e os dispositivos ficam guardados, para que se possa voltar atrás.
person-disabled-now = A pessoa está bloqueada.
person-delete = Eliminar
person-delete-detail = A conta, os seus dispositivos, regras e mensagens são removidos. Não se pode voltar atrás.
person-delete-directory = O que aqui se guarda desta pessoa é removido: dispositivos, regras, mensagens, e também um bloqueio. É o diretório que decide se esta pessoa existe.
person-delete-type = Escreva o nome de utilizador para confirmar
person-delete-differs = Este não é o nome de utilizador desta pessoa.

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
job-not-done = O que falhou
job-result = Descarregar como CSV
job-line = Linha
job-reason = Motivo
job-more = O ficheiro tem o resto.
