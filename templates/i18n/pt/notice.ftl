# Avisos
notice-title = Avisos
notice-send = Enviar um aviso
notice-whom = Para
notice-whom-person = Uma pessoa
notice-whom-group = Um grupo
notice-whom-all = Todas as pessoas em linha
notice-whom-missing = Escolha a quem se destina.
notice-person = Nome de utilizador
notice-person-hint = Para uma pessoa.
notice-person-missing = Escreva o nome de utilizador da pessoa.
notice-group = Grupo
notice-group-hint = Para um grupo, do diretório ou local.
notice-group-missing = Escreva o nome do grupo.
notice-group-unknown = Não há nenhum grupo com este nome.
notice-text = O que diz
notice-text-en = Texto em inglês
notice-text-pt = Texto em português
notice-text-hint = Numa língua ou nas duas; as pessoas recebem-nas numa só mensagem.
notice-text-missing = Escreva um texto, pelo menos numa das línguas.
notice-text-long = O texto tem { $over ->
    [one] um carácter a mais.
   *[other] { $over } caracteres a mais.
} As letras com acento contam a dobrar.
notice-wait = Guardar para quem está ausente durante
notice-wait-hint = Depois disso já não é entregue.
notice-wait-missing = Escolha quanto tempo espera.
notice-hours = { $hours ->
    [1] uma hora
    [24] um dia
    [72] três dias
   *[other] { $hours } horas
}
notice-look = Rever antes de enviar
notice-preview-title = Enviar este aviso?
notice-reach = Chega a
notice-people = { $count ->
    [one] uma pessoa
   *[other] { $count } pessoas
}
notice-send-now = Enviar
notice-back = Alterar
notice-too-often = Foram enviados muitos avisos neste minuto. Espere um pouco e envie então este.
notice-directory-away = O diretório não responde e só ele sabe quem pertence ao grupo. Tente de novo daqui a pouco.
notice-sent-title = Aviso enviado
notice-all-done = Seguiu para todas as pessoas a quem se destina.
notice-under-way = Está a seguir, uma pessoa de cada vez. Não precisa de esperar aqui.
notice-again = Ver de novo
notice-another = Voltar aos avisos
notice-accepted = Enviado para um dispositivo ligado
notice-held = Espera até um dispositivo se ligar
notice-muted = Não o querem receber
notice-unknown = Ninguém com esse nome, ou conta bloqueada
notice-limited = Receberam demasiados neste minuto
notice-full = Têm demasiadas mensagens à espera
notice-failed = Não foi possível guardar

# Aplicações
applications = Aplicações
applications-detail = Programas que avisam as pessoas: chegou correio, uma impressão está pronta, um laboratório vai fechar. Cada um tem a sua chave de acesso. Quem responde “parar” a um deles deixa de receber os seus avisos.
applications-none = Ainda nenhum programa envia avisos.
application-add = Adicionar uma aplicação
application-change = chave, limites, remoção
application-name = Nome no endereço
application-name-hint = Minúsculas, algarismos e hífenes, como correio ou impressora-atrio.
application-title = Remetente
application-title-hint = O que as pessoas leem como remetente dos seus avisos.
application-address = Endereço
application-per-minute = Avisos por minuto
application-per-person = Por minuto a cada pessoa
application-tokens = Chaves
application-token = Criar uma chave
application-networks = Só a partir destes endereços
application-networks-hint = Endereços ou redes como 192.0.2.0/24. Vazio: de qualquer lado.
application-network-unfit = “{ $text }” não é um endereço nem uma rede.
application-save = Guardar
application-remove = Remover
application-remove-detail = As suas chaves deixam logo de servir e esquece-se o que as pessoas disseram dela.
application-made = A aplicação foi adicionada. Crie abaixo uma chave para ela.
application-set = A aplicação foi alterada.
application-removed = A aplicação foi removida e as suas chaves deixaram de servir.
application-unknown = Não há tal aplicação.
application-taken = Já há uma aplicação com este nome, ou tantas quantas pode haver.
application-unfit = Precisa de um nome com minúsculas, algarismos e hífenes, e de um remetente legível, sem aspas.
application-rate-unfit = Escreva um número de 1 a 10000.
application-tokens-full = Tem tantas chaves quantas pode ter. Revogue primeiro uma.
application-token-title = Nova chave
application-token-made = Esta é uma chave de { $name }. Só é mostrada desta vez.
application-token-detail = Guarde-a num ficheiro que só o programa possa ler. Quem a tiver pode enviar avisos em nome desta aplicação, e nada mais.
application-token-kept = Já a guardei
