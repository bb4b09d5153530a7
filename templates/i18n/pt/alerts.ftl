# Alertas, como mensagens
alert-frame = Tagus em { $domain }: { $text }
alert-trial = isto é um teste. Os alertas chegam aqui.
alert-certificate-ends = { $days ->
    [one] o certificado termina dentro de um dia.
   *[other] o certificado termina dentro de { $days } dias.
}
alert-certificate-ended = o certificado terminou. Os dispositivos recusam ligar-se até haver um novo.
alert-certificate-error = há um problema com o certificado: { $detail }.
alert-certificate-well = o certificado está de novo em ordem.
alert-directory-down = o diretório está fora de alcance há cinco minutos ({ $detail }). As pessoas conhecidas continuam a trabalhar; quem é novo tem de esperar.
alert-directory-held = { $count ->
    [one] o diretório deixou de listar uma pessoa. Ninguém foi excluído: alguém tem de decidir na consola.
   *[other] o diretório deixou de listar { $count } pessoas. Ninguém foi excluído: alguém tem de decidir na consola.
}
alert-directory-well = o diretório está de novo em ordem.
alert-disk-low = o disco está quase cheio. Antes de encher, o servidor deixa de aceitar alterações.
alert-disk-read-only = o armazenamento não aceita alterações: { $detail }. As mensagens para pessoas ausentes são recusadas.
alert-disk-well = o armazenamento está de novo em ordem.
alert-memory-short = falta memória: novas pessoas não são atendidas até que melhore.
alert-memory-well = há de novo memória suficiente.

# A página sobre eles
alerts-title = Alertas
alerts-lead = O Tagus pode escrever-lhe quando algo corre mal: a uma pessoa deste servidor, no dispositivo em que ela lê mensagens. Não é preciso ter um navegador aberto. Cada tipo chega no máximo uma vez por hora, e é avisado quando tudo volta à ordem.
alerts-person = Quem os recebe
alerts-person-hint = O nome ou o endereço SIP de uma pessoa daqui, por exemplo o seu. Vazio: ninguém.
alerts-person-unknown = Não há aqui ninguém com esse nome.
alerts-kinds = Sobre o quê
alerts-kind-certificate = Certificado
alerts-kind-certificate-detail = Termina dentro de 30, 14, 7 ou 1 dias, ou a renovação falhou.
alerts-kind-directory = Diretório
alerts-kind-directory-detail = Está fora de alcance há cinco minutos, ou faltam nele muitas pessoas de uma vez.
alerts-kind-disk = Disco
alerts-kind-disk-detail = Está quase cheio, ou o armazenamento não aceita alterações.
alerts-kind-memory = Memória
alerts-kind-memory-detail = Falta há mais de um minuto.
alerts-kinds-none = Escolha pelo menos um tipo, ou deixe a pessoa em branco.
alerts-language-hint = São escritos na língua que esta página tem agora.
alerts-save = Guardar
alerts-saved = Guardado.
alerts-test = Enviar um teste
alerts-test-lead = Os alertas guardados vão para { $person }.
alerts-test-here = { $count ->
    [0] O teste fica guardado até a pessoa ter um dispositivo ligado.
    [one] O teste foi enviado para um dispositivo ligado.
   *[other] O teste foi enviado para { $count } dispositivos ligados.
}
alerts-of-directory = Iniciou sessão através do diretório. Os alertas pertencem às contas da própria consola, para que funcionem enquanto o diretório está fora de alcance.
alerts-link = Alertas por mensagem
